/* Prints the top of a book and the trades of a segment, one line each time that something changed:
 *
 *   cc -std=c11 -O2 -o top_of_book top_of_book.c
 *   ./top_of_book /dev/shm/okx-feed books5:BTC-USDT trades:BTC-USDT [LINES]
 */
#define _GNU_SOURCE
#include "okx_feed_shm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A decimal exactly as the exchange wrote it. */
static void print_decimal(const char *name, int64_t mantissa, unsigned scale) {
    char digits[32];
    uint64_t value = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
    int len = snprintf(digits, sizeof digits, "%0*" PRIu64, (int)scale + 1, value);
    printf(" %s=%s%.*s%s%s", name, mantissa < 0 ? "-" : "", len - (int)scale, digits,
           scale == 0 ? "" : ".", digits + len - (int)scale);
}

int main(int argc, char **argv) {
    okx_shm shm;
    okx_shm_slot book_slot, trade_slot;
    okx_shm_book book;
    okx_shm_trade trade;
    uint64_t version = UINT64_MAX, next = 0, before;
    long lines;
    int error;
    if (argc < 4) {
        fprintf(stderr, "usage: %s SEGMENT BOOK TRADES [LINES]\n", argv[0]);
        return 2;
    }
    lines = argc > 4 ? atol(argv[4]) : 10;
    error = okx_shm_open(argv[1], &shm);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(error));
        return 1;
    }
    if (!okx_shm_find(&shm, argv[2], OKX_SHM_BOOK, &book_slot)
        || !okx_shm_find(&shm, argv[3], OKX_SHM_TRADES, &trade_slot)) {
        fprintf(stderr, "no such slot\n");
        okx_shm_close(&shm);
        return 1;
    }
    while (lines > 0) {
        uint64_t now = okx_shm_now(), last = okx_shm_next_trade(&shm, &trade_slot);
        if (okx_shm_read_book(&shm, &book_slot, now, &book) && book.version != version) {
            version = book.version;
            printf("book version=%" PRIu64 " state=%u seq=%" PRId64, version, book.state, book.seq);
            if (book.bids_len > 0) print_decimal("bid", book.bids[0].px, book.bids[0].px_scale);
            if (book.asks_len > 0) print_decimal("ask", book.asks[0].px, book.asks[0].px_scale);
            printf("\n");
            lines--;
        }
        before = last > trade_slot.len ? last - trade_slot.len : 0;
        for (next = next < before ? before : next; next < last; next++) {
            if (!okx_shm_read_trade(&shm, &trade_slot, next, &trade)) continue;
            printf("trade number=%" PRIu64 " id=%" PRIu64 " side=%u", next, trade.trade_id, trade.side);
            print_decimal("px", trade.px, trade.px_scale);
            print_decimal("sz", trade.sz, trade.sz_scale);
            printf("\n");
            lines--;
        }
        if (okx_shm_writer_state(&shm, now) != OKX_SHM_RUNNING) break;
    }
    okx_shm_close(&shm);
    return 0;
}
