/* Floors: what the machine itself costs. Parses every number of a frame, or answers each marked frame with two orders.

   floor parse FILE TIMES            reads digits, as fast as can be; prints ns a frame
   floor strtod FILE TIMES           the same with the C library's own function
   floor block PORT | floor busy PORT  echoes until its input ends; blocking, or polling without a pause

   No error is mended here: a floor that cannot go on ends. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char frame[1 << 20];
static volatile double sum;

static void end(const char *why) {
    perror(why);
    exit(1);
}

static double now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return at.tv_sec * 1e9 + at.tv_nsec;
}

/* Digits, a point, more digits, perhaps an exponent: exact for what venues send, whose numbers have few digits. */
static double number(char *at, char **behind) {
    /* whole numbers below 2^53 and powers of ten up to 22 are exact, so their quotient is the nearest double */
    static const double power_of_ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    int is_negative = *at == '-', after = 0;
    long long digits = 0;
    if (is_negative) at++;
    for (; *at >= '0' && *at <= '9'; at++) digits = digits * 10 + (*at - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, after++) digits = digits * 10 + (*at - '0');
    double value = after <= 12 ? digits / power_of_ten[after] : strtod(at - after, 0);
    if (*at == 'E' || *at == 'e') {
        int power = atoi(at + 1);
        for (; power < 0; power++) value /= 10;
        for (; power > 0; power--) value *= 10;
        for (at++; *at == '-' || *at == '+' || (*at >= '0' && *at <= '9'); at++) {}
    }
    *behind = at;
    return is_negative ? -value : value;
}

static int parse(const char *path, long times, double (*read_number)(char *, char **)) {
    FILE *file = fopen(path, "rb");
    if (!file) end("fopen");
    size_t length = fread(frame, 1, sizeof frame - 1, file);
    fclose(file);
    frame[length] = 0;
    double began = now_ns();
    for (long i = 0; i < times; i++) {
        char *at = frame, *last = frame + length;
        while (at < last) {
            int is_number = (*at >= '0' && *at <= '9') || *at == '-';
            char before = at > frame ? at[-1] : 0;
            /* a number stands behind : [ , or a quote; what is inside a name is none */
            if (is_number && (before == ':' || before == '[' || before == ',' || before == '"')) {
                char *behind;
                sum += read_number(at, &behind);
                at = behind > at ? behind : at + 1;
            } else {
                at++;
            }
        }
    }
    printf("%.1f\n", (now_ns() - began) / times);
    return 0;
}

static double by_the_library(char *at, char **behind) { return strtod(at, behind); }

static int connected(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) end("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void put(int fd, const char *bytes, size_t length) {
    if (write(fd, bytes, length) != (ssize_t)length) end("write");
}

static int subscribed(int port) {
    static const char hello[] = "GET /upbit/websocket/v1 HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    /* a masked text frame, the mask being zeros */
    static const char asks[] = "[{\"format\":\"SIMPLE\"}]";
    char head[6] = {(char)0x81, (char)(0x80 | (sizeof asks - 1)), 0, 0, 0, 0};
    int fd = connected(port);
    size_t held = 0;
    put(fd, hello, sizeof hello - 1);
    while (held < 4 || memcmp(frame + held - 4, "\r\n\r\n", 4)) {
        if (read(fd, frame + held, 1) != 1) end("handshake");
        held++;
    }
    put(fd, head, sizeof head);
    put(fd, asks, sizeof asks - 1);
    return fd;
}

static const char *upbit_order =
    "POST /upbit/v1/orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: 120\r\n\r\n%-120s";
static const char *binance_order =
    "POST /binance/api/v3/order HTTP/1.1\r\nHost: bench\r\nX-MBX-APIKEY: k\r\nContent-Length: 120\r\n\r\n%-120s";

static int echo(int port, int is_busy) {
    static char ours[512], theirs[512], dust[1 << 16];
    size_t our_length = snprintf(ours, sizeof ours, upbit_order, "{\"market\":\"echo\"}");
    size_t their_length = snprintf(theirs, sizeof theirs, binance_order, "symbol=echo");
    int stream = subscribed(port), upbit = connected(port), binance = connected(port);
    size_t held = 0;
    if (is_busy) fcntl(stream, F_SETFL, O_NONBLOCK);
    for (;;) {
        ssize_t got = read(stream, frame + held, sizeof frame - held);
        if (got < 0 && errno == EAGAIN) continue;
        if (got <= 0) return 0;
        held += got;
        /* only whole frames, and one at a time is how they come here */
        while (held >= 4) {
            size_t head = (frame[1] & 127) == 126 ? 4 : 2;
            size_t length = head == 4 ? ((unsigned char)frame[2] << 8 | (unsigned char)frame[3]) : (size_t)(frame[1] & 127);
            if (held < head + length) break;
            if (length > 1 && frame[head + length - 2] == ' ') {
                put(upbit, ours, our_length);
                put(binance, theirs, their_length);
                while (recv(upbit, dust, sizeof dust, MSG_DONTWAIT) > 0) {}
                while (recv(binance, dust, sizeof dust, MSG_DONTWAIT) > 0) {}
            }
            memmove(frame, frame + head + length, held -= head + length);
        }
    }
}

int main(int count, char **words) {
    if (count == 4 && !strcmp(words[1], "parse")) return parse(words[2], atol(words[3]), number);
    if (count == 4 && !strcmp(words[1], "strtod")) return parse(words[2], atol(words[3]), by_the_library);
    if (count == 3 && !strcmp(words[1], "block")) return echo(atoi(words[2]), 0);
    if (count == 3 && !strcmp(words[1], "busy")) return echo(atoi(words[2]), 1);
    fputs("floor parse FILE TIMES | strtod FILE TIMES | block PORT | busy PORT\n", stderr);
    return 2;
}
