/* Prints the best prices of a book each time that they change:
 *
 *   cc -std=c11 top_of_book.c -o top_of_book $(pkg-config --cflags --libs okx-feed)
 *   ./top_of_book books5:BTC-USDT [URL [LINES]]
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <okx_feed.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Ends the program with the reason if a call has failed. */
static void check(okx_status status) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", okx_status_text(status), okx_last_error());
        exit(1);
    }
}

/* The text of a level's price, exactly as the exchange wrote it. */
static const char *price(const okx_level *level, char text[24]) {
    check(okx_decimal_text(level->px, level->px_scale, text, 24, NULL));
    return text;
}

int main(int argc, char **argv) {
    okx_options *options;
    okx_client *client;
    okx_reader *reader;
    okx_book_view view;
    okx_health health;
    uint64_t version = 0, seen = 0;
    struct timespec pause = {0, 1000000};
    long waited = 0, lines;
    if (argc < 2) {
        fprintf(stderr, "usage: %s CHANNEL [URL [LINES]]\n", argv[0]);
        return 2;
    }
    lines = argc > 3 ? atol(argv[3]) : 10;
    if (okx_abi_version() < OKX_ABI_VERSION) {
        fprintf(stderr, "okx-feed %s is too old for this program\n", okx_version());
        return 1;
    }
    check(okx_options_new(OKX_DIALECT_V5, &options));
    check(okx_options_subscribe(options, argv[1]));
    if (argc > 2) check(okx_options_url(options, argv[2]));
    check(okx_client_start(options, &client));
    check(okx_client_reader(client, argv[1], &reader));
    while (lines > 0) {
        char bid[24], ask[24];
        check(okx_reader_version(reader, &version));
        if (version == seen) {
            nanosleep(&pause, NULL);
            if (++waited % 5000 == 0) {
                check(okx_client_health(client, &health));
                fprintf(stderr, "no book yet: %s\n", health.text);
            }
            continue;
        }
        check(okx_reader_book(reader, &view));
        seen = view.version;
        if (view.state != OKX_STATE_LIVE || view.book.asks_len == 0 || view.book.bids_len == 0)
            continue;
        printf("%s bid %s ask %s\n", argv[1], price(&view.book.bids[0], bid),
               price(&view.book.asks[0], ask));
        lines--;
    }
    check(okx_reader_close(reader));
    check(okx_client_stop(client));
    return 0;
}
