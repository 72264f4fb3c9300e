"""Every word of the page in English and Korean. Figures, names and what the daemon says are the same in both."""

from typing import Final

from arbitrage.dashboard.page.korean_names import KOREAN_NAMES

LANGUAGES: Final = ("en", "ko")

_WORDS: Final[dict[str, tuple[str, str]]] = {
    # the state in a glance
    "ACTIVE": ("ACTIVE", "거래 중"),
    "REDUCING": ("REDUCING", "축소만"),
    "HALTED": ("HALTED", "정지됨"),
    "NOT_RUNNING": ("NOT RUNNING", "실행 중 아님"),
    "UNKNOWN": ("UNKNOWN", "알 수 없음"),
    "plans_are_made": ("New plans are made", "새 플랜을 만듭니다"),
    "no_new_plans": ("No new plans", "새 플랜 없음"),
    "no_new_plans_open_is_closed": (
        "No new plans; what is open is still closed",
        "새 플랜 없음, 열린 것은 계속 닫습니다",
    ),
    "only_cancels": ("No new plans; hedges wait for a person", "새 플랜 없음, 헤지도 사람을 기다립니다"),
    "why": ("why", "이유"),
    "live": ("LIVE", "실거래"),
    "shadow": ("SHADOW LIVE", "섀도 라이브"),
    "paper": ("PAPER", "페이퍼"),
    "live_means": ("real orders are sent", "실제 주문을 보냅니다"),
    "shadow_means": ("real prices, no order is sent", "실제 시세, 주문은 보내지 않습니다"),
    "paper_means": ("scenarios, no order is sent", "시나리오, 주문은 보내지 않습니다"),
    "heartbeat": ("heartbeat", "하트비트"),
    "ago": ("ago", "전"),
    "redis_down": ("Redis does not answer", "Redis가 응답하지 않습니다"),
    "picture_is_old": ("what you see is old", "아래는 지난 화면입니다"),
    "nothing_seen": ("nothing to show yet", "아직 보여 줄 것이 없습니다"),
    "open_alerts": ("alerts wait for you", "개의 알림이 확인을 기다립니다"),
    # the numbers that matter
    "result_today": ("Result today", "오늘 손익"),
    "loss_limit_used": ("of the daily loss limit used", "일일 손실 한도 사용"),
    "no_limit": ("no limit known", "한도를 모름"),
    "at_risk": ("at risk in flight", "진행 중 최대 손실"),
    "exposure": ("Exposure", "노출"),
    "neutral": ("neutral", "중립"),
    "in_flight": ("in flight", "진행 중"),
    "best_edge": ("Best edge now", "현재 최고 엣지"),
    "minimum": ("minimum", "최소"),
    "premium": ("Premium", "프리미엄"),
    "usdt_implied": ("over USDT", "USDT 기준"),
    "reference": ("over the bank's rate", "은행 환율 기준"),
    "loss_24h": ("Loss in 24 h", "24시간 손실"),
    "loss_total": ("Loss in all", "누적 손실"),
    # charts and edges
    "edges": ("Edge after fees", "수수료 후 엣지"),
    "edges_note": ("last hour, highest of each 15 s, at the touch", "최근 1시간, 15초마다 최고값, 최우선 호가 기준"),
    "premiums": ("Premium", "프리미엄"),
    "premiums_note": ("last hour; dashed: over the bank's rate", "최근 1시간, 점선은 은행 환율 기준"),
    "pair": ("Pair", "종목"),
    "sell_upbit": ("sell Upbit", "업비트 매도"),
    "buy_upbit": ("buy Upbit", "업비트 매수"),
    "best_today": ("best today", "오늘 최고"),
    "now": ("now", "현재"),
    # plans
    "plans": ("Plans", "플랜"),
    "time": ("Time", "시각"),
    "legs": ("Legs", "레그"),
    "outcome": ("Outcome", "결말"),
    "result": ("Result", "손익"),
    "edge": ("Edge", "엣지"),
    "open": ("open", "진행 중"),
    "both": ("both legs", "양쪽 체결"),
    "uneven": ("uneven", "수량 차이"),
    "one_leg": ("one leg", "한쪽만"),
    "missed": ("missed", "미체결"),
    "unscored": ("not followed", "추적 불가"),
    "sell": ("sell", "매도"),
    "buy": ("buy", "매수"),
    "to_neutral": ("to neutral", "중립까지"),
    "no_plans": ("no plans yet", "아직 플랜이 없습니다"),
    "score": ("Score today", "오늘 성적"),
    "would_be_result": ("Would-be result", "가상 손익"),
    "hit_rate": ("Both legs filled", "양쪽 체결률"),
    "one_leg_rate": ("One leg only", "한쪽 체결률"),
    "plans_ended": ("Plans ended", "끝난 플랜"),
    # guard
    "guard": ("What holds new plans back", "새 플랜을 막는 것"),
    "breaker": ("Circuit breaker", "서킷 브레이커"),
    "breaker_on": ("tripped", "작동"),
    "breaker_off": ("clear", "정상"),
    "latches": ("Latches", "래치"),
    "none_holds": ("none holds", "없음"),
    "since": ("since", "시작"),
    "by": ("by", "설정"),
    "cleared_by": ("cleared by", "해제"),
    "stops": ("stops", "대상"),
    "gate": ("Mode and why", "모드와 이유"),
    "limits": ("Limits used", "한도 사용"),
    "nothing_used": ("nothing used yet", "아직 사용 없음"),
    # venues
    "venues": ("Venues", "거래소"),
    "up": ("up", "연결"),
    "down": ("down", "끊김"),
    "book_age": ("book age", "호가 나이"),
    "skew": ("clock skew", "시계 차이"),
    "messages": ("messages", "메시지"),
    "rejected": ("rejected", "거부된 프레임"),
    "private_stream": ("private stream", "개인 스트림"),
    "fx": ("KRW per USDT", "USDT당 원화"),
    "age": ("age", "나이"),
    "inventory": ("Inventory", "보유 자산"),
    "runway": ("Runway", "남은 횟수"),
    "runway_note": ("plans of the largest size left", "최대 크기 플랜 기준"),
    "worth": ("worth", "평가액"),
    "unexplained": ("unexplained", "설명되지 않음"),
    "left_out": ("left out", "제외"),
    # refusals, alerts, log
    "refusals": ("Refusals by reason", "이유별 거절"),
    "newest": ("newest", "최근"),
    "no_refusals": ("none", "없음"),
    "alerts": ("Alerts", "알림"),
    "no_alerts": ("no alerts", "알림 없음"),
    "critical": ("CRITICAL", "긴급"),
    "warning": ("WARNING", "주의"),
    "info": ("INFO", "정보"),
    "acknowledge": ("Acknowledge", "확인"),
    "acked": ("seen by", "확인함:"),
    "not_sent": ("not delivered", "전송되지 않음"),
    "times": ("times", "회"),
    "log": ("Log", "로그"),
    "no_log": ("no lines yet", "아직 없음"),
    # actions
    "halt": ("HALT", "정지"),
    "halt_means": (
        "No new plans from now on. What is open is still hedged and closed. Only the command line resumes.",
        "지금부터 새 플랜을 만들지 않습니다. 열린 것은 계속 헤지하고 닫습니다. 재개는 명령줄에서만 됩니다.",
    ),
    "flatten": ("Flatten", "중립화"),
    "flatten_means": (
        "Everything in flight is brought to neutral, also where a halt holds hedges back; then no new plans.",
        "진행 중인 것을 모두 중립으로 만들고(보류된 헤지 포함) 그 뒤 새 플랜을 만들지 않습니다.",
    ),
    "ack_means": ("Say that you have seen it and look after it.", "알림을 보았고 처리하겠다는 뜻입니다."),
    "type_word": ("Type {word} to confirm", "확인하려면 {word} 입력"),
    "reason": ("Reason, for the journal", "이유 (기록에 남습니다)"),
    "cancel": ("Cancel", "취소"),
    "do_it": ("Do it", "실행"),
    "asked": ("Asked", "요청함"),
    "read_only": ("read only", "읽기 전용"),
    # login and the rest
    "login_why": (
        "Show a token. The control token may also halt.",
        "토큰을 입력하세요. 제어 토큰은 정지도 할 수 있습니다.",
    ),
    "token": ("Token", "토큰"),
    "your_name": ("Your name, for the journal", "이름 (기록에 남습니다)"),
    "log_in": ("Log in", "로그인"),
    "log_out": ("Log out", "로그아웃"),
    "unreachable": ("the dashboard does not answer", "대시보드가 응답하지 않습니다"),
    "auto": ("auto", "자동"),
    "light": ("light", "밝게"),
    "dark": ("dark", "어둡게"),
    "other_language": ("한국어", "English"),
}


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._at = LANGUAGES.index(language)

    def __call__(self, key: str, **parts: str) -> str:
        """Return a word of ours. Raises KeyError if there is none."""
        return _WORDS[key][self._at].format(**parts)

    def of(self, name: str) -> str:
        """Return the word for a name that the daemon uses; one that we do not know, as it is, in plain letters."""
        if name in _WORDS:
            return _WORDS[name][self._at]
        kind, _, scope = name.partition(":")
        said = KOREAN_NAMES.get(kind, "") if self.language == "ko" else ""
        return f"{said or kind.replace('_', ' ')} {scope}".strip()

    @property
    def other(self) -> str:
        """Return the language to switch to."""
        return LANGUAGES[1 - self._at]


def chosen(wanted: str, accept_language: str) -> str:
    """Return the language that was picked, else the first of ours that the browser asks for, else English."""
    if wanted in LANGUAGES:
        return wanted
    asked = (part.partition(";")[0].strip().lower()[:2] for part in accept_language[:200].split(","))
    return next((language for language in asked if language in LANGUAGES), LANGUAGES[0])
