/* Prints the states of a segment's writer, book and trades at a time of the monotonic clock:
 *
 *   states SEGMENT BOOK TRADES NOW */
#define _GNU_SOURCE
#include "okx_feed_shm.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    okx_shm shm;
    okx_shm_slot book_slot, trade_slot;
    okx_shm_book book;
    uint64_t now;
    if (argc < 5 || okx_shm_open(argv[1], &shm) != 0) return 2;
    if (!okx_shm_find(&shm, argv[2], OKX_SHM_BOOK, &book_slot)
        || !okx_shm_find(&shm, argv[3], OKX_SHM_TRADES, &trade_slot))
        return 3;
    now = strtoull(argv[4], NULL, 10);
    if (!okx_shm_read_book(&shm, &book_slot, now, &book)) return 4;
    printf("%d %d %d\n", (int)okx_shm_writer_state(&shm, now), (int)book.state,
           (int)okx_shm_trades_state(&shm, &trade_slot, now));
    okx_shm_close(&shm);
    return 0;
}
