/*
 * okx-feed: order books and trades of the OKX market-data WebSockets.
 *
 * Handles are opaque, and not pointers to memory: one that was closed, or is of another kind, gives
 * OKX_STATUS_HANDLE and no crash. Every function returns a status; okx_last_error() is the text of
 * the last failed call of the thread. No function unwinds.
 *
 * Pointers: NULL and misaligned pointers give OKX_STATUS_NULL and OKX_STATUS_ARGUMENT. Others must
 * point to what the declaration says; texts are UTF-8 and end with a null byte.
 *
 * Threads: a reader may be used by any number of threads at once, and a client too. All other
 * handles are for one thread at a time: what comes meanwhile gets OKX_STATUS_THREAD.
 *
 * Times are nanoseconds since 1970, 0 if unknown. A number is its mantissa divided by ten to the
 * power of its scale, exactly. Guide: docs/C.md. Made by cbindgen: do not edit.
 */

#ifndef OKX_FEED_H
#define OKX_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 The version of this interface. A library of a later one takes programs of all earlier versions
 of the same hundred.
 */
#define OKX_ABI_VERSION 100

/*
 The most levels a side of an `okx_book`.
 */
#define OKX_BOOK_LEVELS 5

/*
 The most levels a side of an `okx_depth_view`.
 */
#define OKX_DEPTH_LEVELS 25

/*
 The sequence number of what has none.
 */
#define OKX_NO_SEQ INT64_MIN

/*
 The subscription number of what belongs to none.
 */
#define OKX_NO_SUBSCRIPTION UINT32_MAX

/*
 The most fields of a record.
 */
#define OKX_RECORD_FIELDS 32

/*
 The room for the name of a field or a record, with its null byte.
 */
#define OKX_FIELD_NAME_SIZE 32

/*
 The room for the text of a field, with its null byte.
 */
#define OKX_FIELD_TEXT_SIZE 128

/*
 The room for the text of the health, with its null byte.
 */
#define OKX_HEALTH_TEXT_SIZE 256

/*
 The result of a call. Negative: the call failed, and nothing was changed or written.
 */
enum okx_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   Done.
   */
  OKX_STATUS_OK = 0,
  /*
   There is nothing more: the capture is read, the client has stopped.
   */
  OKX_STATUS_END = 1,
  /*
   There is nothing now: no event within the time, no value yet.
   */
  OKX_STATUS_EMPTY = 2,
  /*
   A pointer is NULL that may not be.
   */
  OKX_STATUS_NULL = -1,
  /*
   The handle was closed, never was one, or is of another kind.
   */
  OKX_STATUS_HANDLE = -2,
  /*
   A text is not UTF-8, longer than 4,095 bytes, or not what it should name.
   */
  OKX_STATUS_TEXT = -3,
  /*
   The buffer is too short; the length that is needed was written.
   */
  OKX_STATUS_BUFFER = -4,
  /*
   A number is out of its range, or a pointer is misaligned.
   */
  OKX_STATUS_ARGUMENT = -5,
  /*
   The wrong thread: another one uses the handle, or this one does, in its callback; or the
   call would wait for a client in a client's callback, or in a process that was forked from
   it.
   */
  OKX_STATUS_THREAD = -6,
  /*
   There is no such subscription, or its channel has no such value.
   */
  OKX_STATUS_NOT_FOUND = -7,
  /*
   The client has stopped.
   */
  OKX_STATUS_STOPPED = -8,
  /*
   The frame is malformed. The event was emitted, and the feed goes on.
   */
  OKX_STATUS_DECODE = -9,
  /*
   A file or a socket can't be used, or the options don't fit together.
   */
  OKX_STATUS_IO = -10,
  /*
   A fault of this library. The handle can only be closed.
   */
  OKX_STATUS_PANIC = -11,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_status okx_status;
#else
typedef int32_t okx_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 What a line of a capture is.
 */
enum okx_entry_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   A text message that was received.
   */
  OKX_ENTRY_KIND_TEXT = 1,
  /*
   A binary message that was received.
   */
  OKX_ENTRY_KIND_BINARY = 2,
  /*
   Something else that was recorded; `data` is its text.
   */
  OKX_ENTRY_KIND_MARK = 3,
  /*
   A line that can't be read. Those after it can.
   */
  OKX_ENTRY_KIND_MALFORMED = 4,
  /*
   An empty line, or one of a kind that this version does not know.
   */
  OKX_ENTRY_KIND_OTHER = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_entry_kind okx_entry_kind;
#else
typedef int32_t okx_entry_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 The state of a subscription. Only a live book matches the exchange's.
 */
enum okx_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   No connection, or not acknowledged yet.
   */
  OKX_STATE_CONNECTING = 0,
  /*
   Acknowledged; no data yet.
   */
  OKX_STATE_AWAITING_SNAPSHOT = 1,
  /*
   The value is the exchange's.
   */
  OKX_STATE_LIVE = 2,
  /*
   Too silent, or too late.
   */
  OKX_STATE_STALE = 3,
  /*
   The book failed verification and waits for a snapshot.
   */
  OKX_STATE_RESYNCING = 4,
  /*
   The exchange refused the subscription.
   */
  OKX_STATE_DOWN_REJECTED = 5,
  /*
   The caller ended it.
   */
  OKX_STATE_DOWN_UNSUBSCRIBED = 6,
  /*
   The client has stopped.
   */
  OKX_STATE_DOWN_STOPPED = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_state okx_state;
#else
typedef int32_t okx_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 What an event is.
 */
enum okx_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   A five-level book: `book`.
   */
  OKX_EVENT_KIND_BOOK = 1,
  /*
   A trade: `trade`, `missed`, `is_replayed`, `is_history`.
   */
  OKX_EVENT_KIND_TRADE = 2,
  /*
   A message of an order book. From a client, a feed and a replay it has been applied: `book`
   has the best five levels after it, `is_live` whether the book is the exchange's. `asks` and
   `bids` are the levels of the message; a queue does not have them. `book` is NULL
   from a decoder, and of an order book that is not subscribed.
   */
  OKX_EVENT_KIND_DEPTH = 3,
  /*
   A record: `record`.
   */
  OKX_EVENT_KIND_RECORD = 4,
  /*
   The state of a subscription changed: `state_before`, `state`.
   */
  OKX_EVENT_KIND_STATE = 5,
  /*
   A reply or a notice of the exchange: `code`, `text`; `channel` is what it names.
   */
  OKX_EVENT_KIND_CONTROL = 6,
  /*
   A message of a channel that is not decoded: `channel`.
   */
  OKX_EVENT_KIND_SKIPPED = 7,
  /*
   A message of a raw channel: `text` is all of it.
   */
  OKX_EVENT_KIND_RAW = 8,
  /*
   A frame could not be decoded: `text` is the fault, `code` its place in bytes.
   */
  OKX_EVENT_KIND_MALFORMED = 9,
  /*
   A recording lacks lines here: `text` is the reason, `missed` their number.
   */
  OKX_EVENT_KIND_GAP = 10,
  /*
   A queue was full: `missed` events before this one are not in it.
   */
  OKX_EVENT_KIND_DROPPED = 11,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_event_kind okx_event_kind;
#else
typedef int32_t okx_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 The type of a field's value.
 */
enum okx_field_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   The message does not have it.
   */
  OKX_FIELD_KIND_ABSENT = 0,
  /*
   An exact number: `number` is the mantissa, `scale` the scale.
   */
  OKX_FIELD_KIND_DECIMAL = 1,
  /*
   A text: `text`.
   */
  OKX_FIELD_KIND_TEXT = 2,
  /*
   A time: `number`, nanoseconds since 1970.
   */
  OKX_FIELD_KIND_TIME = 3,
  /*
   A truth value: `number`, 0 or 1.
   */
  OKX_FIELD_KIND_BOOL = 4,
  /*
   A whole number: `number`, whose bits are those of a uint64_t.
   */
  OKX_FIELD_KIND_INTEGER = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_field_kind okx_field_kind;
#else
typedef int32_t okx_field_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 A protocol.
 */
enum okx_dialect
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   OKEX, 2018 to 2022: binary frames of raw DEFLATE.
   */
  OKX_DIALECT_V3 = 3,
  /*
   OKX, 2021 to today: text frames.
   */
  OKX_DIALECT_V5 = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_dialect okx_dialect;
#else
typedef int32_t okx_dialect;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 The type of a WebSocket message.
 */
enum okx_frame_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   A text message.
   */
  OKX_FRAME_KIND_TEXT = 1,
  /*
   A binary message.
   */
  OKX_FRAME_KIND_BINARY = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_frame_kind okx_frame_kind;
#else
typedef int32_t okx_frame_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 The side of a trade's taker.
 */
enum okx_side
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   The taker bought.
   */
  OKX_SIDE_BUY = 0,
  /*
   The taker sold.
   */
  OKX_SIDE_SELL = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_side okx_side;
#else
typedef int32_t okx_side;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 A region of the exchange, which has an address of its own.
 */
enum okx_region
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   All others.
   */
  OKX_REGION_GLOBAL = 0,
  /*
   The European Economic Area.
   */
  OKX_REGION_EEA = 1,
  /*
   The United States and Australia.
   */
  OKX_REGION_US = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum okx_region okx_region;
#else
typedef int32_t okx_region;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 A capture: recorded frames, line by line.
 */
typedef struct okx_capture okx_capture;

/*
 A running client: a thread that keeps books and trades up to date.
 */
typedef struct okx_client okx_client;

/*
 A decoder: frames to events. It keeps no books and no order between frames.
 */
typedef struct okx_decoder okx_decoder;

/*
 A queue of a client's events.
 */
typedef struct okx_events okx_events;

/*
 The books and trades of one connection, whose frames the caller passes. Reads no clock and no
 socket.
 */
typedef struct okx_feed okx_feed;

/*
 The options of a client that is to be started.
 */
typedef struct okx_options okx_options;

/*
 A reader of what a subscription holds. Any number of threads may use it at once, without locks;
 it makes no thread wait. It outlives the client, and then shows that it is down.
 */
typedef struct okx_reader okx_reader;

/*
 A replay: captures through the same code as live frames, with the recorded times.
 */
typedef struct okx_replay okx_replay;

/*
 A line of a capture.
 */
typedef struct okx_entry {
  /*
   The time of receipt; 0 where the line has none.
   */
  uint64_t ts_recv;
  /*
   What the line is.
   */
  okx_entry_kind kind;
  /*
   The connection: the group of subscriptions that it serves.
   */
  uint16_t group;
  /*
   The connection: its number among the redundant lines of the group.
   */
  uint16_t line;
  /*
   The payload, valid until the next call with this handle.
   */
  const uint8_t *data;
  /*
   The bytes of the payload.
   */
  size_t len;
} okx_entry;

/*
 Whether the connections of a client are open.
 */
typedef struct okx_health {
  /*
   How many connections are open now.
   */
  size_t open;
  /*
   How many there are to be; 0 once the client has stopped.
   */
  size_t connections;
  /*
   Since when no connection is open; 0 while one is.
   */
  uint64_t down_since;
  /*
   The same in words, with the reason of the last loss.
   */
  char text[OKX_HEALTH_TEXT_SIZE];
} okx_health;

/*
 Counters. Later versions add some at the end: the caller passes the size that it knows.
 */
typedef struct okx_stats {
  /*
   Frames received, malformed ones included.
   */
  uint64_t frames;
  /*
   Payload bytes received, before inflating.
   */
  uint64_t wire_bytes;
  /*
   Five-level books.
   */
  uint64_t books;
  /*
   Trades.
   */
  uint64_t trades;
  /*
   Messages of order books.
   */
  uint64_t depths;
  /*
   Records.
   */
  uint64_t records;
  /*
   Replies and notices.
   */
  uint64_t controls;
  /*
   Malformed frames.
   */
  uint64_t malformed;
  /*
   Order books found broken by their sequence numbers.
   */
  uint64_t gaps;
  /*
   Order books found broken by their checksum.
   */
  uint64_t mismatches;
  /*
   Missing trades, by the gaps in v5's ids.
   */
  uint64_t missed_trades;
  /*
   How often a connection was opened; 0 of a feed.
   */
  uint64_t connects;
  /*
   How often a connection ended, failed attempts included; 0 of a feed.
   */
  uint64_t losses;
  /*
   How often the exchange has refused a subscription; 0 of a feed.
   */
  uint64_t rejections;
  /*
   The median of the nanoseconds from the read of a frame to the return of the callback; 0 of a
   feed.
   */
  uint64_t latency_p50;
  /*
   Its 99th percentile.
   */
  uint64_t latency_p99;
  /*
   Its maximum.
   */
  uint64_t latency_max;
} okx_stats;

/*
 A text without a null byte at its end, UTF-8. `data` is NULL if there is none.
 */
typedef struct okx_text {
  /*
   The bytes.
   */
  const char *data;
  /*
   Their number.
   */
  size_t len;
} okx_text;

/*
 One price level.
 */
typedef struct okx_level {
  /*
   The price's mantissa.
   */
  int64_t px;
  /*
   The size's mantissa: base currency on spot, contracts on derivatives. 0 in an update of an
   order book: the level is deleted.
   */
  int64_t sz;
  /*
   The number of orders; 0 if it is not known.
   */
  uint32_t orders;
  /*
   The price's scale, 0 to 18.
   */
  uint8_t px_scale;
  /*
   The size's scale, 0 to 18.
   */
  uint8_t sz_scale;
  /*
   Zero.
   */
  uint8_t reserved[2];
} okx_level;

/*
 A book of up to five levels a side, best first. 272 bytes.
 */
typedef struct okx_book {
  /*
   The exchange's time.
   */
  uint64_t ts_event;
  /*
   The time of receipt.
   */
  uint64_t ts_recv;
  /*
   The exchange's sequence number; OKX_NO_SEQ if it sends none.
   */
  int64_t seq;
  /*
   The number of asks, 0 to 5.
   */
  uint8_t asks_len;
  /*
   The number of bids, 0 to 5.
   */
  uint8_t bids_len;
  /*
   1 crossed, 2 a side was unsorted, 4 a level of size 0.
   */
  uint8_t flags;
  /*
   Zero.
   */
  uint8_t reserved[5];
  /*
   The asks, lowest first; those past `asks_len` are zero.
   */
  struct okx_level asks[OKX_BOOK_LEVELS];
  /*
   The bids, highest first; those past `bids_len` are zero.
   */
  struct okx_level bids[OKX_BOOK_LEVELS];
} okx_book;

/*
 A trade. 56 bytes.
 */
typedef struct okx_trade {
  /*
   The exchange's time.
   */
  uint64_t ts_event;
  /*
   The time of receipt.
   */
  uint64_t ts_recv;
  /*
   The exchange's id: in a merged trade the last of `count` ids.
   */
  uint64_t trade_id;
  /*
   The exchange's sequence number; OKX_NO_SEQ if it sends none.
   */
  int64_t seq;
  /*
   The price's mantissa.
   */
  int64_t px;
  /*
   The size's mantissa.
   */
  int64_t sz;
  /*
   The number of fills that are merged into this trade, at least 1.
   */
  uint32_t count;
  /*
   The price's scale, 0 to 18.
   */
  uint8_t px_scale;
  /*
   The size's scale, 0 to 18.
   */
  uint8_t sz_scale;
  /*
   The taker's side: an okx_side, in one byte.
   */
  uint8_t side;
  /*
   0 for a normal order, 1 for an ELP or RPI order.
   */
  uint8_t source;
} okx_trade;

/*
 A field of a record.
 */
typedef struct okx_field {
  /*
   The name on the wire, such as `last`.
   */
  char name[OKX_FIELD_NAME_SIZE];
  /*
   The type of the value.
   */
  okx_field_kind kind;
  /*
   The scale of a decimal, 0 to 18.
   */
  uint8_t scale;
  /*
   Zero.
   */
  uint8_t reserved[3];
  /*
   The value, unless it is a text.
   */
  int64_t number;
  /*
   The text; empty unless it is one.
   */
  char text[OKX_FIELD_TEXT_SIZE];
} okx_field;

/*
 A record. The fields past `fields_len` are not defined.
 */
typedef struct okx_record {
  /*
   The exchange's time; 0 if the message has none.
   */
  uint64_t ts_event;
  /*
   The time of receipt.
   */
  uint64_t ts_recv;
  /*
   What it is, such as `Ticker`; empty before the first one.
   */
  char kind[OKX_FIELD_NAME_SIZE];
  /*
   The number of fields.
   */
  size_t fields_len;
  /*
   The fields, in the order of the library.
   */
  struct okx_field fields[OKX_RECORD_FIELDS];
} okx_record;

/*
 An event. What its kind does not have is NULL, zero or empty. Later versions add fields at the
 end.
 */
typedef struct okx_event {
  /*
   What it is.
   */
  okx_event_kind kind;
  /*
   The number of the subscription; OKX_NO_SUBSCRIPTION without one.
   */
  uint32_t subscription;
  /*
   The time of receipt.
   */
  uint64_t ts_recv;
  /*
   The channel, such as `books5`.
   */
  struct okx_text channel;
  /*
   The market of a v3 channel, such as `futures`.
   */
  struct okx_text market;
  /*
   The instrument.
   */
  struct okx_text inst_id;
  /*
   The book.
   */
  const struct okx_book *book;
  /*
   The trade.
   */
  const struct okx_trade *trade;
  /*
   The record.
   */
  const struct okx_record *record;
  /*
   The levels of an order book's message.
   */
  const struct okx_level *asks;
  /*
   Their number.
   */
  size_t asks_len;
  /*
   The levels of an order book's message.
   */
  const struct okx_level *bids;
  /*
   Their number.
   */
  size_t bids_len;
  /*
   The sequence number of an order book's message; OKX_NO_SEQ without one.
   */
  int64_t seq;
  /*
   Its predecessor's; OKX_NO_SEQ without one, -1 in a snapshot.
   */
  int64_t prev_seq;
  /*
   Trades, lines or events that are missing before this.
   */
  uint64_t missed;
  /*
   The code of a reply, or the place of a fault.
   */
  int64_t code;
  /*
   The text of a reply, a fault or a raw message.
   */
  struct okx_text text;
  /*
   The state before a change.
   */
  okx_state state_before;
  /*
   The state after it.
   */
  okx_state state;
  /*
   Whether an order book's message is a snapshot.
   */
  bool is_snapshot;
  /*
   Whether the order book is the exchange's after it.
   */
  bool is_live;
  /*
   Whether a trade is the one that the exchange repeats after a subscription.
   */
  bool is_replayed;
  /*
   Whether it is from the REST interface.
   */
  bool is_history;
} okx_event;

/*
 A caller's function for events.

 The event, and all that it points to, is valid until the function returns. `user` is what was
 given with the function. It must not unwind, so a C++ function must catch its exceptions.
 */
typedef void (*okx_event_callback)(const struct okx_event *event, void *user);

/*
 A book and the state of its subscription, of one moment.
 */
typedef struct okx_book_view {
  /*
   The book.
   */
  struct okx_book book;
  /*
   The number of its publications: equal numbers mean equal values.
   */
  uint64_t version;
  /*
   Whether it is live.
   */
  okx_state state;
  /*
   Zero.
   */
  uint32_t reserved;
} okx_book_view;

/*
 The best levels of an order book and the state of its subscription, of one moment.
 */
typedef struct okx_depth_view {
  /*
   The exchange's time of the last message that changed these levels.
   */
  uint64_t ts_event;
  /*
   The time of receipt.
   */
  uint64_t ts_recv;
  /*
   The exchange's sequence number; OKX_NO_SEQ if it sends none.
   */
  int64_t seq;
  /*
   The number of its publications: equal numbers mean equal values.
   */
  uint64_t version;
  /*
   Whether it is live.
   */
  okx_state state;
  /*
   The number of asks.
   */
  uint16_t asks_len;
  /*
   The number of bids.
   */
  uint16_t bids_len;
  /*
   The asks, lowest first; those past `asks_len` are zero.
   */
  struct okx_level asks[OKX_DEPTH_LEVELS];
  /*
   The bids, highest first; those past `bids_len` are zero.
   */
  struct okx_level bids[OKX_DEPTH_LEVELS];
} okx_depth_view;

/*
 A trade with its number in the reader's ring. Numbers that are missing are trades that were
 overwritten or lost.
 */
typedef struct okx_trade_entry {
  /*
   The number, from 0.
   */
  uint64_t number;
  /*
   The trade.
   */
  struct okx_trade trade;
} okx_trade_entry;

/*
 The latest record and the state of its subscription, of one moment; or one of the last records
 with its number.
 */
typedef struct okx_record_view {
  /*
   The number of publications; of a ring: the number of the record, from 0.
   */
  uint64_t version;
  /*
   Whether it is live.
   */
  okx_state state;
  /*
   Zero.
   */
  uint32_t reserved;
  /*
   The record.
   */
  struct okx_record record;
} okx_record_view;

/*
 What a replay has seen. Later versions add counters at the end: the caller passes the size that
 it knows.
 */
typedef struct okx_replay_counts {
  /*
   Frames that were played.
   */
  uint64_t frames;
  /*
   Lines that could not be read.
   */
  uint64_t malformed_lines;
  /*
   Places where the recorder has dropped lines.
   */
  uint64_t gaps;
  /*
   Lines that are missing there.
   */
  uint64_t missing_lines;
  /*
   Connections that were lost.
   */
  uint64_t losses;
  /*
   The time of the first frame.
   */
  uint64_t first;
  /*
   The time of the last frame.
   */
  uint64_t last;
  /*
   Files that end in the middle.
   */
  uint64_t torn_files;
} okx_replay_counts;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens a capture: .tsv.zst, .tsv, .jsonl, or raw lines of Tardis and of hftbacktest's collector,
 plain or packed with gzip or zstd.
 */
okx_status okx_capture_open(const char *path, struct okx_capture **out);

/*
 The next line. OKX_STATUS_END at the end.
 */
okx_status okx_capture_next(struct okx_capture *capture, struct okx_entry *out);

/*
 Closes a capture.
 */
okx_status okx_capture_close(struct okx_capture *capture);

/*
 Stops a client and closes the handle. The callback is not called any more once this has
 returned; its readers and queues stay, and show that it is down. Takes at most two seconds,
 unless the callback does not return.
 */
okx_status okx_client_stop(struct okx_client *client);

/*
 Adds a subscription. Waits for the client's thread.
 */
okx_status okx_client_subscribe(struct okx_client *client, const char *channel);

/*
 Removes a subscription. Its readers stay, and show it as down.
 */
okx_status okx_client_unsubscribe(struct okx_client *client, const char *channel);

/*
 A reader of what a subscription holds, for any number of threads. Close it by okx_reader_close.
 */
okx_status okx_client_reader(const struct okx_client *client,
                             const char *channel,
                             struct okx_reader **out);

/*
 The state of a subscription.
 */
okx_status okx_client_state(const struct okx_client *client, const char *channel, okx_state *out);

/*
 The number of a subscription, which all of its events have.
 */
okx_status okx_client_subscription(const struct okx_client *client,
                                   const char *channel,
                                   uint32_t *out);

/*
 Whether the connections are open, and if not, why. Waits for nothing.
 */
okx_status okx_client_health(const struct okx_client *client, struct okx_health *out);

/*
 The counters. `size` is sizeof(okx_stats): a library of a later version writes no more. Waits
 for the client's thread.
 */
okx_status okx_client_stats(const struct okx_client *client, struct okx_stats *out, size_t size);

/*
 A queue of the client's later events, for one thread that waits or polls, besides the callback.
 A full queue drops events and says so. Holds up to `capacity` events, 1 to 1,048,576.
 */
okx_status okx_client_events(const struct okx_client *client,
                             size_t capacity,
                             struct okx_events **out);

/*
 Makes a decoder for a dialect (okx_dialect). The callback gets each event.
 */
okx_status okx_decoder_new(int32_t dialect,
                           okx_event_callback callback,
                           void *user,
                           struct okx_decoder **out);

/*
 Decodes one WebSocket message (okx_frame_kind) that was received at `ts_recv`.
 OKX_STATUS_DECODE if it is malformed; then it has no event.
 */
okx_status okx_decoder_decode(struct okx_decoder *decoder,
                              int32_t kind,
                              const uint8_t *data,
                              size_t len,
                              uint64_t ts_recv);

/*
 Closes a decoder.
 */
okx_status okx_decoder_close(struct okx_decoder *decoder);

/*
 The next event. Waits for at most `timeout_ms` milliseconds; 0 does not wait. `size` is
 sizeof(okx_event). What the event points to is valid until the next call with this queue.

 OKX_STATUS_EMPTY if there is none within the time, OKX_STATUS_END once the client has stopped.
 OKX_STATUS_THREAD in a client's callback, unless `timeout_ms` is 0.
 */
okx_status okx_events_next(struct okx_events *events,
                           uint32_t timeout_ms,
                           struct okx_event *out,
                           size_t size);

/*
 Closes a queue; the client fills it no more.
 */
okx_status okx_events_close(struct okx_events *events);

/*
 Makes a feed for a dialect (okx_dialect). The callback gets each event after the state that it
 changes, in the calls that change it; it may be NULL.
 */
okx_status okx_feed_new(int32_t dialect,
                        okx_event_callback callback,
                        void *user,
                        struct okx_feed **out);

/*
 Closes a feed. Its readers stay, and show that it is down.
 */
okx_status okx_feed_close(struct okx_feed *feed);

/*
 Adds a subscription. Sends nothing: okx_feed_request gives the text to send.
 */
okx_status okx_feed_subscribe(struct okx_feed *feed, const char *channel);

/*
 Removes a subscription at a time.
 */
okx_status okx_feed_unsubscribe(struct okx_feed *feed, const char *channel, uint64_t ts_recv);

/*
 The text of the request that subscribes or unsubscribes a channel, with a null byte; `len` gets
 its bytes without it, and may be NULL. `id` is echoed by v5 and ignored by v3.
 */
okx_status okx_feed_request(const struct okx_feed *feed,
                            const char *channel,
                            bool is_subscribe,
                            uint64_t id,
                            char *buffer,
                            size_t capacity,
                            size_t *len);

/*
 Processes one WebSocket message (okx_frame_kind) that was received at `ts_recv`, which must not
 run backwards.

 OKX_STATUS_DECODE if it is malformed: what it may have changed is not live any more, and the
 feed goes on.
 */
okx_status okx_feed_on_frame(struct okx_feed *feed,
                             int32_t kind,
                             const uint8_t *data,
                             size_t len,
                             uint64_t ts_recv);

/*
 Sets the state (okx_state) of all subscriptions that are not down, such as
 OKX_STATE_CONNECTING after the connection was lost.
 */
okx_status okx_feed_set_states(struct okx_feed *feed, int32_t state, uint64_t ts_recv);

/*
 A reader of what a subscription holds, for any number of threads.
 */
okx_status okx_feed_reader(struct okx_feed *feed, const char *channel, struct okx_reader **out);

/*
 All levels of an order book, best first, and its state. `asks_len` and `bids_len` get how many
 there are; OKX_STATUS_BUFFER if one of the buffers has no room for them, and then no level is
 written.
 */
okx_status okx_feed_depth(const struct okx_feed *feed,
                          const char *channel,
                          struct okx_level *asks,
                          size_t asks_capacity,
                          size_t *asks_len,
                          struct okx_level *bids,
                          size_t bids_capacity,
                          size_t *bids_len,
                          okx_state *state);

/*
 The counters. `size` is sizeof(okx_stats).
 */
okx_status okx_feed_stats(const struct okx_feed *feed, struct okx_stats *out, size_t size);

/*
 Writes a number as the exchange does, such as "84090.80", with a null byte. `len` may be NULL;
 otherwise it gets the number of bytes without the null byte. 24 bytes are always enough.
 */
okx_status okx_decimal_text(int64_t mantissa,
                            uint8_t scale,
                            char *buffer,
                            size_t capacity,
                            size_t *len);

/*
 The nearest double, for display and statistics: it is not exact.
 */
okx_status okx_decimal_double(int64_t mantissa, uint8_t scale, double *out);

/*
 Reads a number, such as "84090.80".
 */
okx_status okx_decimal_parse(const char *number, int64_t *mantissa, uint8_t *scale);

/*
 Makes options with the defaults, for a dialect (okx_dialect). okx_client_start closes them.
 */
okx_status okx_options_new(int32_t dialect, struct okx_options **out);

/*
 Closes options without starting a client.
 */
okx_status okx_options_close(struct okx_options *options);

/*
 Subscribes a channel, such as "books5:BTC-USDT", or "futures/depth5:BTC-USD-190517" in v3.
 */
okx_status okx_options_subscribe(struct okx_options *options, const char *channel);

/*
 Connects to another address than the exchange's own, such as "ws://127.0.0.1:8443/ws/v5/public".
 */
okx_status okx_options_url(struct okx_options *options, const char *url);

/*
 Connects to the exchange's address of a region (okx_region).
 */
okx_status okx_options_region(struct okx_options *options, int32_t region);

/*
 Connects to demo trading.
 */
okx_status okx_options_demo(struct okx_options *options);

/*
 Also trusts the CA certificates of a PEM file.
 */
okx_status okx_options_ca_file(struct okx_options *options, const char *path);

/*
 Logs in on every connection, as tick-by-tick books need.
 */
okx_status okx_options_login(struct okx_options *options,
                             const char *key,
                             const char *secret,
                             const char *passphrase);

/*
 Opens so many redundant connections, 1 to 16: the first copy of each update counts.
 */
okx_status okx_options_redundancy(struct okx_options *options, size_t lines);

/*
 Polls the sockets instead of waiting for them: lower latency for a whole core.
 */
okx_status okx_options_busy_poll(struct okx_options *options);

/*
 Binds the client's thread to a core, from 0 (Linux). Where the system refuses it, the client
 runs without it.
 */
okx_status okx_options_core(struct okx_options *options, size_t core);

/*
 Connects through a proxy, such as "socks5://127.0.0.1:1080", whatever the environment says; ""
 is for no proxy.
 */
okx_status okx_options_proxy(struct okx_options *options, const char *url);

/*
 Records every frame that is received to files in a directory, which is made if it is missing.
 */
okx_status okx_options_record(struct okx_options *options, const char *directory);

/*
 Calls a function for each event, on the client's thread, which waits for it. It may use readers
 and clients, but calls that wait for a client, this one or another, give OKX_STATUS_THREAD.
 */
okx_status okx_options_on_event(struct okx_options *options,
                                okx_event_callback callback,
                                void *user);

/*
 Starts a client, and closes the options unless it fails because of the pointers.

 No connection is no failure: the client tries for as long as it runs.
 */
okx_status okx_client_start(struct okx_options *options, struct okx_client **out);

/*
 The five-level book; of an order book the best five levels. Check `state`: only a live book
 matches the exchange's.
 */
okx_status okx_reader_book(const struct okx_reader *reader, struct okx_book_view *out);

/*
 The best 25 levels of an order book.
 */
okx_status okx_reader_depth(const struct okx_reader *reader, struct okx_depth_view *out);

/*
 The trades from number `from` on that the reader still holds, oldest first, at most `capacity`
 of them. `count` gets how many, `next` the number to go on from.
 */
okx_status okx_reader_trades(const struct okx_reader *reader,
                             uint64_t from,
                             struct okx_trade_entry *out,
                             size_t capacity,
                             size_t *count,
                             uint64_t *next);

/*
 The latest record, such as a ticker. OKX_STATUS_EMPTY before the first one.
 */
okx_status okx_reader_record(const struct okx_reader *reader, struct okx_record_view *out);

/*
 The record of number `from` of a channel that keeps its last ones, such as liquidations, or the
 next one that is held; its number is `version`. OKX_STATUS_EMPTY if there is none yet.
 */
okx_status okx_reader_records(const struct okx_reader *reader,
                              uint64_t from,
                              struct okx_record_view *out);

/*
 The state of the subscription.
 */
okx_status okx_reader_state(const struct okx_reader *reader, okx_state *out);

/*
 How often the book, the order book or the record was published; of trades and last records how
 many there were. Cheaper than reading them, to see whether there is something new.
 */
okx_status okx_reader_version(const struct okx_reader *reader, uint64_t *out);

/*
 Closes a reader.
 */
okx_status okx_reader_close(struct okx_reader *reader);

/*
 Opens a replay of files. `dialect` (okx_dialect) is for files that do not say theirs, otherwise
 0. It plays the channels that are named, or all if there are none.
 `speed` is how many times as fast as it was recorded; 0 is as fast as possible. The callback
 gets each event, in okx_replay_step and okx_replay_run; it may be NULL.
 */
okx_status okx_replay_open(const char *const *paths,
                           size_t paths_len,
                           int32_t dialect,
                           const char *const *channels,
                           size_t channels_len,
                           double speed,
                           okx_event_callback callback,
                           void *user,
                           struct okx_replay **out);

/*
 Plays the next line. OKX_STATUS_END at the end.
 */
okx_status okx_replay_step(struct okx_replay *replay);

/*
 Plays to the end.
 */
okx_status okx_replay_run(struct okx_replay *replay);

/*
 A reader of what a subscription holds after the lines that were played: books, order books and
 trades only. OKX_STATUS_NOT_FOUND for a channel of records.
 */
okx_status okx_replay_reader(struct okx_replay *replay,
                             const char *channel,
                             struct okx_reader **out);

/*
 What was played so far. `size` is sizeof(okx_replay_counts).
 */
okx_status okx_replay_report(const struct okx_replay *replay,
                             struct okx_replay_counts *out,
                             size_t size);

/*
 Closes a replay.
 */
okx_status okx_replay_close(struct okx_replay *replay);

/*
 The version of the interface that the library has: check that it is at least OKX_ABI_VERSION.
 */
uint32_t okx_abi_version(void);

/*
 The version of the library, such as "0.1.0".
 */
const char *okx_version(void);

/*
 The text of a status, never NULL.
 */
const char *okx_status_text(int32_t status);

/*
 The text of the last failed call of this thread, never NULL; empty if none has failed. Valid
 until the next failure.
 */
const char *okx_last_error(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OKX_FEED_H */
