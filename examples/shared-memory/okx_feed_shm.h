/* Reads books and trades of a shared-memory segment of okx-feed: this header is all that is needed.
 * C11 and C++17, by the atomic builtins of GCC and Clang. Layout: docs/SHARED-MEMORY.md. Strict C11
 * (-std=c11) hides what it uses of POSIX: define _POSIX_C_SOURCE as 200809L before the first include.
 *
 * The file is not trusted: no function reads outside of the mapping. A process that may write the
 * file and makes it shorter ends its readers by SIGBUS; nothing here can prevent that.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef OKX_FEED_SHM_H
#define OKX_FEED_SHM_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OKX_SHM_MAGIC UINT64_C(0x3144454546584b4f) /* "OKXFEED1" */
#define OKX_SHM_VERSION 1u
#define OKX_SHM_HEADER_WORDS 32u
#define OKX_SHM_ENTRY_WORDS 32u
#define OKX_SHM_MAX_WORDS (UINT64_C(1) << 27)
#define OKX_SHM_BOOK_WORDS 31u
#define OKX_SHM_TRADE_WORDS 7u
#define OKX_SHM_MAX_AHEAD UINT64_C(1000000000) /* nanoseconds */

/* What a slot holds. */
enum okx_shm_kind { OKX_SHM_BOOK = 1, OKX_SHM_TRADES = 2 };

/* Whether the writer runs. */
enum okx_shm_writer {
    OKX_SHM_RUNNING = 1,
    OKX_SHM_ENDED = 2,
    OKX_SHM_REPLACED = 3, /* open the file again */
    OKX_SHM_SILENT = 4
};

/* The state of a subscription. Only a live book is the exchange's own. */
enum okx_shm_state {
    OKX_SHM_CONNECTING = 0,
    OKX_SHM_AWAITING_SNAPSHOT = 1,
    OKX_SHM_LIVE = 2,
    OKX_SHM_STALE = 3,
    OKX_SHM_RESYNCING = 4,
    OKX_SHM_DOWN_REJECTED = 5,
    OKX_SHM_DOWN_UNSUBSCRIBED = 6,
    OKX_SHM_DOWN_STOPPED = 7 /* also once the writer does not run */
};

/* A mapped segment. */
typedef struct {
    const uint64_t *words;
    uint64_t len; /* in words */
} okx_shm;

/* A slot of a segment, inside of its mapping. */
typedef struct {
    uint64_t at, value_words, len;
} okx_shm_slot;

/* A level: the value of a number is mantissa / 10^scale, exactly. */
typedef struct {
    int64_t px, sz; /* mantissas */
    uint32_t orders;
    uint8_t px_scale, sz_scale; /* 0 to 18 */
} okx_shm_level;

/* A book of five levels a side, best first. Times are nanoseconds since 1970; 0 is unknown. */
typedef struct {
    uint64_t ts_event, ts_recv;
    int64_t seq; /* INT64_MIN: none */
    uint64_t version; /* the number of publications */
    uint8_t asks_len, bids_len, flags, state;
    okx_shm_level asks[5], bids[5];
} okx_shm_book;

/* A trade. */
typedef struct {
    uint64_t ts_event, ts_recv, trade_id;
    int64_t seq, px, sz;
    uint32_t count; /* the ids that are merged into this trade */
    uint8_t px_scale, sz_scale, side /* of the taker: 0 buy, 1 sell */, source;
} okx_shm_trade;

static inline uint64_t okx_shm_load(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Maps a segment. 0, or an errno: EPROTO if the file is no segment of this version. */
static inline int okx_shm_open(const char *path, okx_shm *shm) {
    struct stat about;
    void *map;
    uint64_t len, capacity;
    /* A pipe of that name is refused by its length, without a wait for its writer. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    shm->words = NULL;
    shm->len = 0;
    if (file < 0) return errno;
    if (fstat(file, &about) != 0) {
        int error = errno;
        close(file);
        return error;
    }
    len = (uint64_t)about.st_size / 8;
    if (len < OKX_SHM_HEADER_WORDS || len > OKX_SHM_MAX_WORDS) {
        close(file);
        return EPROTO;
    }
    map = mmap(NULL, (size_t)(len * 8), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map == MAP_FAILED) return errno;
    shm->words = (const uint64_t *)map;
    shm->len = len;
    capacity = okx_shm_load(shm->words + 6);
    if (okx_shm_load(shm->words) != OKX_SHM_MAGIC || okx_shm_load(shm->words + 1) != OKX_SHM_VERSION
        || okx_shm_load(shm->words + 2) > len
        || capacity > (len - OKX_SHM_HEADER_WORDS) / OKX_SHM_ENTRY_WORDS) {
        munmap(map, (size_t)(len * 8));
        return EPROTO;
    }
    return 0;
}

static inline void okx_shm_close(okx_shm *shm) {
    munmap((void *)(uintptr_t)shm->words, (size_t)(shm->len * 8));
    shm->words = NULL;
    shm->len = 0;
}

/* The present time of the clock of heartbeats. */
static inline uint64_t okx_shm_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Whether the writer runs, by a time that was read a second ago at most. A heartbeat that is more
 * than a second ahead of it is of another clock: the writer is silent. */
static inline enum okx_shm_writer okx_shm_writer_state(const okx_shm *shm, uint64_t now) {
    uint64_t phase = okx_shm_load(shm->words + 9), beat = okx_shm_load(shm->words + 8);
    if (phase == 3) return OKX_SHM_REPLACED;
    if (phase != 1) return OKX_SHM_ENDED;
    if (beat > now) return beat - now > OKX_SHM_MAX_AHEAD ? OKX_SHM_SILENT : OKX_SHM_RUNNING;
    return now - beat > okx_shm_load(shm->words + 5) ? OKX_SHM_SILENT : OKX_SHM_RUNNING;
}

/* The state of a code in the segment while the writer runs: connecting if it is unknown. */
static inline uint8_t okx_shm_seen_state(const okx_shm *shm, uint64_t now, uint64_t code) {
    if (okx_shm_writer_state(shm, now) != OKX_SHM_RUNNING) return OKX_SHM_DOWN_STOPPED;
    return (uint8_t)(code > OKX_SHM_DOWN_STOPPED ? 0 : code);
}

/* Whether the words of a directory entry from its sixth on are the bytes of a name. */
static inline int okx_shm_has_name(const uint64_t *from, const char *name, size_t len) {
    size_t at;
    if (len > (OKX_SHM_ENTRY_WORDS - 5) * 8) return 0;
    for (at = 0; at < len; at += 8) {
        uint64_t word = okx_shm_load(from + at / 8);
        if (memcmp(&word, name + at, len - at < 8 ? len - at : 8) != 0) return 0;
    }
    return 1;
}

/* Finds the slot of a subscription, such as "books5:BTC-USDT". 1, or 0 if there is none (yet). */
static inline int okx_shm_find(const okx_shm *shm, const char *name, enum okx_shm_kind kind,
                               okx_shm_slot *slot) {
    uint64_t nth, entries = okx_shm_load(shm->words + 10), room = okx_shm_load(shm->words + 6);
    uint64_t wanted = kind == OKX_SHM_BOOK ? OKX_SHM_BOOK_WORDS : OKX_SHM_TRADE_WORDS;
    uint64_t in_file = (shm->len - OKX_SHM_HEADER_WORDS) / OKX_SHM_ENTRY_WORDS;
    size_t name_len = strlen(name);
    if (entries > room) entries = room;
    if (entries > in_file) entries = in_file;
    for (nth = 0; nth < entries; nth++) {
        const uint64_t *entry = shm->words + OKX_SHM_HEADER_WORDS + nth * OKX_SHM_ENTRY_WORDS;
        /* Once each: the file may change between a check and a use. */
        uint64_t at = okx_shm_load(entry + 1), value_words = okx_shm_load(entry + 2);
        uint64_t len = okx_shm_load(entry + 3), stride, words;
        if (okx_shm_load(entry) != (uint64_t)kind || value_words != wanted
            || okx_shm_load(entry + 4) != name_len || !okx_shm_has_name(entry + 5, name, name_len))
            continue;
        if (len == 0 || len > shm->len || (kind == OKX_SHM_BOOK && len != 1)) continue;
        stride = (value_words + 1 + 7) / 8 * 8;
        words = stride * len + (kind == OKX_SHM_BOOK ? 0 : 16);
        if (at > shm->len || words > shm->len - at) continue;
        slot->at = at;
        slot->value_words = value_words;
        slot->len = len;
        return 1;
    }
    return 0;
}

/* Copies the words of one write. 1, or 0 if a write interferes. */
static inline int okx_shm_try_copy(const uint64_t *value, uint64_t count, uint64_t *words,
                                   uint64_t *writes) {
    uint64_t nth, version = okx_shm_load(value);
    if (version % 2 == 1) return 0;
    for (nth = 0; nth < count; nth++) words[nth] = __atomic_load_n(value + 1 + nth, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    *writes = version / 2;
    return __atomic_load_n(value, __ATOMIC_RELAXED) == version;
}

static inline uint8_t okx_shm_byte(uint64_t word, unsigned nth) {
    return (uint8_t)(word >> (8 * nth));
}

static inline uint8_t okx_shm_scale(uint8_t scale) { return scale > 18 ? 18 : scale; }

/* Reads the book of a slot, its state included. 1; 0 if the writer ended in the middle of a write,
 * or is interrupted in one: try again. */
static inline int okx_shm_read_book(const okx_shm *shm, const okx_shm_slot *slot, uint64_t now,
                                    okx_shm_book *book) {
    uint64_t words[OKX_SHM_BOOK_WORDS], spare[10];
    unsigned nth, tries;
    for (tries = 0; tries < 100000; tries++)
        if (okx_shm_try_copy(shm->words + slot->at, OKX_SHM_BOOK_WORDS, words, &book->version)) break;
    if (tries == 100000) return 0;
    book->ts_event = words[0];
    for (nth = 0; nth < 10; nth++) {
        const uint64_t *from = words + 1 + 3 * nth;
        okx_shm_level *level = nth < 5 ? &book->asks[nth] : &book->bids[nth - 5];
        level->px = (int64_t)from[0];
        level->sz = (int64_t)from[1];
        level->orders = (uint32_t)from[2];
        level->px_scale = okx_shm_scale(okx_shm_byte(from[2], 4));
        level->sz_scale = okx_shm_scale(okx_shm_byte(from[2], 5));
        spare[nth] = from[2] >> 48;
    }
    book->ts_recv = spare[0] | spare[1] << 16 | spare[2] << 32 | spare[3] << 48;
    book->seq = (int64_t)(spare[4] | spare[5] << 16 | spare[6] << 32 | spare[7] << 48);
    book->asks_len = okx_shm_byte(spare[8], 0) > 5 ? 5 : okx_shm_byte(spare[8], 0);
    book->bids_len = okx_shm_byte(spare[8], 1) > 5 ? 5 : okx_shm_byte(spare[8], 1);
    book->flags = okx_shm_byte(spare[9], 0);
    book->state = okx_shm_seen_state(shm, now, okx_shm_byte(spare[9], 1));
    return 1;
}

/* The number of the next trade of a slot, which is the count of trades so far. */
static inline uint64_t okx_shm_next_trade(const okx_shm *shm, const okx_shm_slot *slot) {
    return okx_shm_load(shm->words + slot->at);
}

/* The state of a slot of trades. */
static inline uint8_t okx_shm_trades_state(const okx_shm *shm, const okx_shm_slot *slot,
                                           uint64_t now) {
    return okx_shm_seen_state(shm, now, okx_shm_load(shm->words + slot->at + 8));
}

/* Reads the trade of a number. 1, or 0 if it was overwritten, was lost or is not there yet. */
static inline int okx_shm_read_trade(const okx_shm *shm, const okx_shm_slot *slot, uint64_t number,
                                     okx_shm_trade *trade) {
    uint64_t words[OKX_SHM_TRADE_WORDS], writes;
    const uint64_t *value = shm->words + slot->at + 16 + number % slot->len * 8;
    if (number >= okx_shm_next_trade(shm, slot)
        || !okx_shm_try_copy(value, OKX_SHM_TRADE_WORDS, words, &writes)
        || writes != number / slot->len + 1)
        return 0;
    trade->ts_event = words[0];
    trade->ts_recv = words[1];
    trade->trade_id = words[2];
    trade->seq = (int64_t)words[3];
    trade->px = (int64_t)words[4];
    trade->sz = (int64_t)words[5];
    trade->count = (uint32_t)words[6];
    trade->px_scale = okx_shm_scale(okx_shm_byte(words[6], 4));
    trade->sz_scale = okx_shm_scale(okx_shm_byte(words[6], 5));
    trade->side = okx_shm_byte(words[6], 6) & 1;
    trade->source = okx_shm_byte(words[6], 7);
    return trade->count > 0;
}

#ifdef __cplusplus
}
#endif
#endif
