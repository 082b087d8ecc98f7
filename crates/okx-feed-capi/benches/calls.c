/* What calls cost, least of many passes in nanoseconds:
 *
 *   bash crates/okx-feed-capi/install.sh PREFIX
 *   cc -O2 crates/okx-feed-capi/benches/calls.c -o calls $(pkg-config --cflags --libs okx-feed)
 *   taskset -c 0 ./calls [PASSES] */
#include <okx_feed.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLS = 2000 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void on_event(const okx_event *event, void *user) {
    *(uint64_t *)user += event->kind == OKX_EVENT_KIND_BOOK;
}

int main(int argc, char **argv) {
    static const char text[] =
        "{\"arg\":{\"channel\":\"books5\",\"instId\":\"BTC-USDT\"},\"data\":[{"
        "\"asks\":[[\"84090.8\",\"0.00022104\",\"0\",\"1\"],[\"84090.9\",\"1.5\",\"0\",\"3\"],"
        "[\"84091\",\"0.2\",\"0\",\"2\"],[\"84091.1\",\"0.2\",\"0\",\"2\"],"
        "[\"84091.2\",\"0.2\",\"0\",\"2\"]],"
        "\"bids\":[[\"84090.7\",\"0.00022104\",\"0\",\"1\"],[\"84090.6\",\"1.5\",\"0\",\"3\"],"
        "[\"84090.5\",\"0.2\",\"0\",\"2\"],[\"84090.4\",\"0.2\",\"0\",\"2\"],"
        "[\"84090.3\",\"0.2\",\"0\",\"2\"]],"
        "\"instId\":\"BTC-USDT\",\"ts\":\"1700000000001\",\"seqId\":123456}]}";
    static const char *const names[] = {"frame to the callback's return", "okx_reader_book",
                                        "okx_reader_version", "a NULL handle"};
    const size_t len = sizeof text - 1;
    double least[4] = {1e9, 1e9, 1e9, 1e9}, times[5];
    int passes = argc > 1 ? atoi(argv[1]) : 300, pass, nth, kind;
    uint64_t books = 0, version = 0;
    okx_feed *feed;
    okx_reader *reader;
    okx_book_view view;
    if (okx_feed_new(OKX_DIALECT_V5, on_event, &books, &feed) != OKX_STATUS_OK
        || okx_feed_subscribe(feed, "books5:BTC-USDT") != OKX_STATUS_OK
        || okx_feed_reader(feed, "books5:BTC-USDT", &reader) != OKX_STATUS_OK) {
        fprintf(stderr, "%s\n", okx_last_error());
        return 1;
    }
    for (pass = 0; pass < passes; pass++) {
        times[0] = now();
        for (nth = 0; nth < CALLS; nth++)
            okx_feed_on_frame(feed, OKX_FRAME_KIND_TEXT, (const uint8_t *)text, len, 1);
        times[1] = now();
        for (nth = 0; nth < CALLS; nth++) okx_reader_book(reader, &view);
        times[2] = now();
        for (nth = 0; nth < CALLS; nth++) okx_reader_version(reader, &version);
        times[3] = now();
        for (nth = 0; nth < CALLS; nth++) okx_reader_version(NULL, &version);
        times[4] = now();
        for (kind = 0; kind < 4; kind++) {
            double call = (times[kind + 1] - times[kind]) / CALLS;
            if (call < least[kind]) least[kind] = call;
        }
    }
    if (books != (uint64_t)passes * CALLS || view.book.asks_len != 5 || version == 0) return 2;
    for (kind = 0; kind < 4; kind++) printf("%-32s %6.1f ns\n", names[kind], least[kind]);
    return 0;
}
