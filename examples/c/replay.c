/* Plays captures through the same code as live frames, and prints what they held:
 *
 *   cc -std=c11 replay.c -o replay $(pkg-config --cflags --libs okx-feed)
 *   ./replay FILE...
 */
#include <okx_feed.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct counts {
    uint64_t books, depths, trades, records, not_live;
};

static void check(okx_status status) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", okx_status_text(status), okx_last_error());
        exit(1);
    }
}

static void on_event(const okx_event *event, void *user) {
    struct counts *counts = user;
    counts->books += event->kind == OKX_EVENT_KIND_BOOK;
    counts->depths += event->kind == OKX_EVENT_KIND_DEPTH;
    counts->not_live += event->kind == OKX_EVENT_KIND_DEPTH && !event->is_live;
    counts->trades += event->kind == OKX_EVENT_KIND_TRADE;
    counts->records += event->kind == OKX_EVENT_KIND_RECORD;
}

int main(int argc, char **argv) {
    struct counts counts = {0};
    okx_replay *replay;
    okx_replay_counts report;
    okx_capture *capture;
    okx_entry entry;
    uint64_t frames = 0;
    okx_status status;
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE...\n", argv[0]);
        return 2;
    }
    check(okx_replay_open((const char *const *)argv + 1, (size_t)argc - 1, 0, NULL, 0, 0, on_event,
                          &counts, &replay));
    check(okx_replay_run(replay));
    check(okx_replay_report(replay, &report, sizeof report));
    check(okx_replay_close(replay));
    /* The same frames, as they were received. */
    check(okx_capture_open(argv[1], &capture));
    while ((status = okx_capture_next(capture, &entry)) == OKX_STATUS_OK)
        frames += entry.kind == OKX_ENTRY_KIND_TEXT || entry.kind == OKX_ENTRY_KIND_BINARY;
    check(status);
    check(okx_capture_close(capture));
    printf("%" PRIu64 " frames, %" PRIu64 " in the first file: %" PRIu64 " books, %" PRIu64
           " messages of order books (%" PRIu64 " not live), %" PRIu64 " trades, %" PRIu64
           " records\n",
           report.frames, frames, counts.books, counts.depths, counts.not_live, counts.trades,
           counts.records);
    return 0;
}
