/* The reader in C: prints the hash of each version of a book and of each trade that it sees.
 *
 *   reader SEGMENT BOOK TRADES */
#define _GNU_SOURCE
#include "okx_feed_shm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void pause_for(long nanos) {
    struct timespec pause = {0, nanos};
    nanosleep(&pause, NULL);
}

static uint64_t mix(uint64_t hash, uint64_t word) { return (hash ^ word) * UINT64_C(0x100000001b3); }

static const uint64_t START = UINT64_C(0xcbf29ce484222325);

static uint64_t hash_of_book(const okx_shm_book *book) {
    uint64_t hash = START;
    unsigned side, nth;
    hash = mix(mix(hash, book->ts_event), book->ts_recv);
    hash = mix(mix(hash, (uint64_t)book->seq), book->state);
    hash = mix(mix(hash, book->asks_len), book->bids_len);
    for (side = 0; side < 2; side++) {
        const okx_shm_level *levels = side == 0 ? book->asks : book->bids;
        unsigned len = side == 0 ? book->asks_len : book->bids_len;
        for (nth = 0; nth < len; nth++) {
            hash = mix(mix(hash, (uint64_t)levels[nth].px), levels[nth].px_scale);
            hash = mix(mix(hash, (uint64_t)levels[nth].sz), levels[nth].sz_scale);
            hash = mix(hash, levels[nth].orders);
        }
    }
    return hash;
}

static uint64_t hash_of_trade(const okx_shm_trade *trade) {
    uint64_t hash = mix(mix(START, trade->ts_event), trade->ts_recv);
    hash = mix(mix(hash, trade->trade_id), (uint64_t)trade->seq);
    hash = mix(mix(hash, (uint64_t)trade->px), trade->px_scale);
    hash = mix(mix(hash, (uint64_t)trade->sz), trade->sz_scale);
    return mix(hash, trade->side);
}

int main(int argc, char **argv) {
    okx_shm shm;
    okx_shm_slot book_slot, trade_slot;
    okx_shm_book book;
    okx_shm_trade trade;
    uint64_t version = 0, next = 0, last;
    int tries;
    if (argc < 4) return 2;
    for (tries = 0; okx_shm_open(argv[1], &shm) != 0; tries++) {
        if (tries == 30000) return 3;
        pause_for(1000000);
    }
    for (tries = 0; !okx_shm_find(&shm, argv[2], OKX_SHM_BOOK, &book_slot)
                    || !okx_shm_find(&shm, argv[3], OKX_SHM_TRADES, &trade_slot); tries++) {
        if (tries == 30000) return 4;
        pause_for(1000000);
    }
    for (;;) {
        uint64_t now = okx_shm_now();
        int is_running = okx_shm_writer_state(&shm, now) == OKX_SHM_RUNNING;
        /* The state of an ended writer is not that of a publication. */
        if (okx_shm_read_book(&shm, &book_slot, now, &book) && book.version != version
            && okx_shm_writer_state(&shm, now) == OKX_SHM_RUNNING) {
            version = book.version;
            printf("book %" PRIu64 " %016" PRIx64 "\n", version, hash_of_book(&book));
        }
        last = okx_shm_next_trade(&shm, &trade_slot);
        if (last > trade_slot.len && next < last - trade_slot.len) next = last - trade_slot.len;
        for (; next < last; next++)
            if (okx_shm_read_trade(&shm, &trade_slot, next, &trade))
                printf("trade %" PRIu64 " %016" PRIx64 "\n", next, hash_of_trade(&trade));
        if (!is_running) break;
        pause_for(20000);
    }
    okx_shm_close(&shm);
    return 0;
}
