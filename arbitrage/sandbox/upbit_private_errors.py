"""Upbit's refusals on its private side: names, HTTP statuses and Korean texts. Facts only; who refuses is elsewhere.

Texts are the venue's own where they are known (its documents, other people's logs), else in its manner.
"""

from collections.abc import Mapping
from typing import Final

# docs.upbit.com rest-api-guide; `market_offline` and the prices' and funds' texts from the order pages
_KNOWN: Final[Mapping[str, tuple[int, str]]] = {
    "no_authorization_token": (401, "인증 토큰이 존재하지 않습니다."),
    "jwt_verification": (401, "Jwt 토큰 검증에 실패했습니다."),
    "invalid_access_key": (401, "잘못된 엑세스 키입니다."),
    "expired_access_key": (401, "만료된 엑세스 키입니다."),
    "nonce_used": (401, "이미 요청한 nonce값이 다시 사용되었습니다."),
    "no_authorization_ip": (401, "This is not a verified IP."),
    "invalid_query_payload": (401, "Jwt의 query를 검증하는데 실패하였습니다."),
    "out_of_scope": (403, "권한이 부족합니다."),
    "market_offline": (
        403,
        "시스템 점검 중입니다. 점검이 완료된 후에 다시 시도해주세요. 이용에 불편을 드려 죄송합니다.",
    ),
    "too_many_requests": (429, "요청 수 제한을 초과했습니다. 잠시 후 다시 시도해주세요."),
    "payload_too_large": (413, "요청 본문이 너무 큽니다."),
    "validation_error": (400, "잘못된 API 요청입니다. 누락된 파라미터가 없는지 확인해주세요. {seen}"),
    "invalid_parameter": (400, "잘못된 파라미터입니다. {seen}"),
    "invalid_time_in_force": (400, "지원하지 않는 주문 조건(time_in_force)입니다."),
    "invalid_post_only": (400, "post_only 주문 조건을 만족하지 않습니다."),
    "invalid_volume": (400, "주문수량 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요."),
    "invalid_price": (400, "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요."),
    "under_min_total": (400, "최소주문금액 이상으로 주문해주세요"),
    "over_krw_funds": (400, "최대 주문 가능 금액 {seen} KRW 보다 작은 금액으로 주문해주세요."),
    "insufficient_funds": (400, "주문 가능한 금액({seen})이 부족합니다."),
    "create_bid_error": (400, "주문 요청 정보가 올바르지 않습니다."),
    "create_ask_error": (400, "주문 요청 정보가 올바르지 않습니다."),
    "notfoundmarket": (400, "다음 마켓에 없는 종목입니다: {seen}"),
    "duplicated_identifier": (400, "이미 사용된 identifier 값입니다."),
    "order_not_found": (404, "주문을 찾지 못했습니다."),
}


class Refused(Exception):
    """The venue says no: `status` is HTTP's, `name` what clients branch on, `message` what people read.

    `seen` goes into the text. `side` ("bid" or "ask") is put after the name where the venue has one name for each.
    Raises KeyError for a name that is not the venue's.
    """

    def __init__(self, name: str, seen: str = "", side: str = "") -> None:
        self.status, text = _KNOWN[name]
        self.name = f"{name}_{side}" if side else name
        self.message = text.format(seen=seen).rstrip()
        super().__init__(self.name)

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """Return the body of the reply: `name` is a string here, unlike on the public side."""
        return {"error": {"name": self.name, "message": self.message}}
