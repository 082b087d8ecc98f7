/* The reader in C of a writer that is killed: checks that every live book is of one write, until the
 * writer is silent. Prints "reading" after the first one, and at the end how many there were and
 * when the last one was live.
 *
 *   reader SEGMENT BOOK */
#define _GNU_SOURCE
#include "okx_feed_shm.h"

#include <inttypes.h>
#include <stdio.h>

/* Whether every number follows from the sequence number. */
static int is_whole(const okx_shm_book *book) {
    int64_t n = book->seq;
    int nth;
    if (book->ts_event != (uint64_t)n || book->ts_recv != (uint64_t)n) return 0;
    if (book->asks_len != 5 || book->bids_len != 5) return 0;
    for (nth = 0; nth < 5; nth++) {
        const okx_shm_level *ask = &book->asks[nth], *bid = &book->bids[nth];
        if (ask->px != n + 1 + nth || bid->px != n - nth || ask->sz != n || bid->sz != n) return 0;
        if (ask->px_scale + bid->px_scale + ask->sz_scale + bid->sz_scale != 0) return 0;
        if (ask->orders != (uint64_t)n % 1000 || bid->orders != (uint64_t)n % 1000) return 0;
    }
    return 1;
}

int main(int argc, char **argv) {
    okx_shm shm;
    okx_shm_slot slot;
    okx_shm_book book;
    uint64_t live = 0, last = 0;
    int64_t newest = 0;
    if (argc < 3 || okx_shm_open(argv[1], &shm) != 0) return 2;
    if (!okx_shm_find(&shm, argv[2], OKX_SHM_BOOK, &slot)) return 3;
    for (;;) {
        uint64_t now = okx_shm_now();
        if (okx_shm_read_book(&shm, &slot, now, &book) && book.state == OKX_SHM_LIVE) {
            if (!is_whole(&book)) return 4;
            if (book.seq < newest) return 5;
            newest = book.seq;
            last = now;
            if (live++ == 0) {
                printf("reading\n");
                fflush(stdout);
            }
        } else if (okx_shm_writer_state(&shm, now) == OKX_SHM_SILENT) {
            break;
        } else if (okx_shm_writer_state(&shm, now) != OKX_SHM_RUNNING) {
            return 6;
        }
    }
    printf("%" PRIu64 " %" PRIu64 "\n", live, last);
    okx_shm_close(&shm);
    return 0;
}
