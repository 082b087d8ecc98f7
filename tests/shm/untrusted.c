/* Changes any words of a segment's file, cuts it anywhere, and reads it by the header: reading ends,
 * and nothing outside of the mapping is read. Each round puts back what it has changed.
 *
 *   untrusted SEGMENT BOOK TRADES ROUNDS */
#define _GNU_SOURCE
#include "okx_feed_shm.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t seed = 11;

static uint64_t below(uint64_t limit) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % limit;
}

static uint64_t any_word(void) {
    switch (below(4)) {
    case 0:
        return below(UINT64_MAX);
    case 1:
        return UINT64_MAX - below(16);
    case 2:
        return UINT64_C(1) << below(64);
    default:
        return below(300);
    }
}

/* Reads all that there is: how many values. */
static unsigned read_all(const char *path, const char *const names[2]) {
    okx_shm shm;
    okx_shm_slot slot;
    okx_shm_book book;
    okx_shm_trade trade;
    unsigned seen = 0;
    if (okx_shm_open(path, &shm) != 0) return 0;
    if (okx_shm_find(&shm, names[0], OKX_SHM_BOOK, &slot)
        && okx_shm_read_book(&shm, &slot, okx_shm_now(), &book)) {
        if (book.asks_len > 5 || book.bids_len > 5 || book.state > OKX_SHM_DOWN_STOPPED) exit(3);
        seen++;
    }
    if (okx_shm_find(&shm, names[1], OKX_SHM_TRADES, &slot)) {
        uint64_t last = okx_shm_next_trade(&shm, &slot), nth;
        if (okx_shm_trades_state(&shm, &slot, okx_shm_now()) > OKX_SHM_DOWN_STOPPED) exit(4);
        for (nth = 0; nth <= slot.len; nth++)
            seen += (unsigned)okx_shm_read_trade(&shm, &slot, last - nth, &trade);
    }
    okx_shm_close(&shm);
    return seen;
}

int main(int argc, char **argv) {
    struct stat about;
    uint64_t *words;
    size_t len;
    long round, rounds;
    unsigned seen = 0;
    FILE *file;
    if (argc < 5) return 2;
    rounds = atol(argv[4]);
    if (stat(argv[1], &about) != 0 || (file = fopen(argv[1], "r+b")) == NULL) return 2;
    len = (size_t)about.st_size / 8;
    words = malloc(len * 8);
    if (words == NULL || fread(words, 8, len, file) != len) return 2;
    for (round = 0; round < rounds; round++) {
        const char *const names[2] = {argv[2], argv[3]};
        uint64_t nth, changes = 1 + below(3), at[3];
        int is_cut = below(8) == 0;
        for (nth = 0; nth < changes; nth++) {
            uint64_t word = any_word();
            /* Header, directory, and the slots. */
            at[nth] = below(32 + 8 * 32 + 256);
            if (pwrite(fileno(file), &word, 8, (off_t)(at[nth] * 8)) != 8) return 2;
        }
        if (is_cut && ftruncate(fileno(file), (off_t)below(len * 8)) != 0) return 2;
        seen += read_all(argv[1], names);
        if (is_cut && pwrite(fileno(file), words, len * 8, 0) != (ssize_t)(len * 8)) return 2;
        for (nth = 0; nth < changes; nth++)
            if (pwrite(fileno(file), words + at[nth], 8, (off_t)(at[nth] * 8)) != 8) return 2;
    }
    printf("%u values\n", seen);
    free(words);
    fclose(file);
    return 0;
}
