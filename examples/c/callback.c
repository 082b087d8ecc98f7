/* Counts events in a callback, which runs on the client's thread, until so many trades have come:
 *
 *   cc -std=c11 callback.c -o callback $(pkg-config --cflags --libs okx-feed)
 *   ./callback BTC-USDT [URL [TRADES]]
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <okx_feed.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct counts {
    atomic_ullong books, depths, trades, states;
};

static void check(okx_status status) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", okx_status_text(status), okx_last_error());
        exit(1);
    }
}

/* Everything that the event points to is valid until this returns. */
static void on_event(const okx_event *event, void *user) {
    struct counts *counts = user;
    char px[24], sz[24];
    switch (event->kind) {
    case OKX_EVENT_KIND_BOOK:
        atomic_fetch_add(&counts->books, 1);
        break;
    case OKX_EVENT_KIND_DEPTH:
        atomic_fetch_add(&counts->depths, 1);
        break;
    case OKX_EVENT_KIND_TRADE:
        okx_decimal_text(event->trade->px, event->trade->px_scale, px, sizeof px, NULL);
        okx_decimal_text(event->trade->sz, event->trade->sz_scale, sz, sizeof sz, NULL);
        printf("%.*s %s %s @ %s\n", (int)event->inst_id.len, event->inst_id.data,
               event->trade->side == OKX_SIDE_BUY ? "buy" : "sell", sz, px);
        atomic_fetch_add(&counts->trades, 1);
        break;
    case OKX_EVENT_KIND_STATE:
        atomic_fetch_add(&counts->states, 1);
        break;
    case OKX_EVENT_KIND_CONTROL:
        if (event->code != 0)
            fprintf(stderr, "the exchange: %.*s\n", (int)event->text.len, event->text.data);
        break;
    default:
        break;
    }
}

int main(int argc, char **argv) {
    static const char *const channels[] = {"books5", "books", "trades"};
    struct counts counts = {0};
    okx_options *options;
    okx_client *client;
    okx_stats stats;
    struct timespec pause = {0, 10000000};
    unsigned long long wanted;
    size_t nth;
    if (argc < 2) {
        fprintf(stderr, "usage: %s INSTRUMENT [URL [TRADES]]\n", argv[0]);
        return 2;
    }
    wanted = argc > 3 ? strtoull(argv[3], NULL, 10) : 10;
    check(okx_options_new(OKX_DIALECT_V5, &options));
    for (nth = 0; nth < sizeof channels / sizeof *channels; nth++) {
        char channel[100];
        snprintf(channel, sizeof channel, "%s:%s", channels[nth], argv[1]);
        check(okx_options_subscribe(options, channel));
    }
    if (argc > 2) check(okx_options_url(options, argv[2]));
    check(okx_options_on_event(options, on_event, &counts));
    check(okx_client_start(options, &client));
    while (atomic_load(&counts.trades) < wanted) nanosleep(&pause, NULL);
    check(okx_client_stats(client, &stats, sizeof stats));
    check(okx_client_stop(client));
    /* No callback runs any more. */
    printf("%llu books, %llu messages of the order book, %llu states; %" PRIu64
           " frames, half of them within %" PRIu64 " ns\n",
           atomic_load(&counts.books), atomic_load(&counts.depths), atomic_load(&counts.states),
           stats.frames, stats.latency_p50);
    return 0;
}
