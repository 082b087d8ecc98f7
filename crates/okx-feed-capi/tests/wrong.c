/* Wrong calls from C: NULL, closed handles, two threads with one handle, a client whose
 * callback waits for it. Run under valgrind by .ci/capi; prints "done" if every call gave its status.
 *
 *   wrong [URL [fork]]
 *
 * Without "fork" under valgrind, to which the memory of threads that a forked process does not have
 * is lost. */
#include <okx_feed.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void expect(int line, okx_status status, okx_status wanted) {
    if (status != wanted) {
        fprintf(stderr, "line %d: %d instead of %d: %s\n", line, status, wanted, okx_last_error());
        exit(1);
    }
}
#define EXPECT(wanted, call) expect(__LINE__, call, wanted)

static okx_client *client;
static atomic_int called_back;
static atomic_uint wrong_waits;

/* What the callback uses: its client, and a queue of it. */
struct own {
    okx_client *_Atomic client;
    okx_events *_Atomic events;
};

/* On the client's thread whatever waits for it gives OKX_STATUS_THREAD, and what does not wait is
 * done. */
static void on_event(const okx_event *event, void *user) {
    okx_stats stats;
    okx_state state;
    okx_event next;
    struct own *own = user;
    okx_client *of = own->client;
    okx_events *events = own->events;
    unsigned wrong = 0;
    if (of == NULL || events == NULL || event->kind != OKX_EVENT_KIND_BOOK) return;
    wrong += okx_client_stop(of) != OKX_STATUS_THREAD;
    wrong += okx_client_stats(of, &stats, sizeof stats) != OKX_STATUS_THREAD;
    wrong += okx_client_subscribe(of, "books5:ETH-USDT") != OKX_STATUS_THREAD;
    wrong += okx_events_next(events, UINT32_MAX, &next, sizeof next) != OKX_STATUS_THREAD;
    wrong += okx_events_next(events, 0, &next, sizeof next) < 0;
    /* While another thread stops the client it is not there any more. */
    switch (okx_client_state(of, "books5:BTC-USDT", &state)) {
    case OKX_STATUS_OK:
    case OKX_STATUS_STOPPED:
        break;
    default:
        wrong++;
    }
    atomic_fetch_add(&wrong_waits, wrong);
    atomic_store(&called_back, 1);
}

static void *read_for_a_while(void *reader) {
    okx_book_view view;
    int nth;
    for (nth = 0; nth < 20000; nth++) {
        okx_status status = okx_reader_book(reader, &view);
        if (status == OKX_STATUS_HANDLE) return NULL;
        if (status != OKX_STATUS_OK) exit(3);
    }
    return NULL;
}

/* A forked process has no thread of the client: nothing waits for it. */
static void in_a_fork(okx_events *events) {
    okx_stats stats;
    okx_event event;
    int status = 1;
    pid_t child = fork();
    if (child == 0)
        _exit(okx_client_stats(client, &stats, sizeof stats) != OKX_STATUS_THREAD
              || okx_events_next(events, UINT32_MAX, &event, sizeof event) != OKX_STATUS_THREAD
              || okx_client_stop(client) != OKX_STATUS_THREAD);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) exit(8);
}

static void a_client(const char *url, int may_fork) {
    static struct own own;
    okx_options *options;
    okx_reader *reader, *other;
    okx_events *events, *own_events;
    okx_event event;
    okx_state state;
    okx_health health;
    okx_book_view view;
    okx_stats stats;
    pthread_t threads[2];
    struct timespec pause = {0, 1000000};
    EXPECT(OKX_STATUS_OK, okx_options_new(OKX_DIALECT_V5, &options));
    EXPECT(OKX_STATUS_TEXT, okx_options_subscribe(options, "no channel"));
    EXPECT(OKX_STATUS_OK, okx_options_subscribe(options, "books5:BTC-USDT"));
    EXPECT(OKX_STATUS_OK, okx_options_url(options, url));
    EXPECT(OKX_STATUS_OK, okx_options_on_event(options, on_event, &own));
    EXPECT(OKX_STATUS_OK, okx_client_start(options, &client));
    EXPECT(OKX_STATUS_OK, okx_client_events(client, 8, &own_events));
    own.client = client;
    own.events = own_events;
    EXPECT(OKX_STATUS_HANDLE, okx_options_demo(options));
    EXPECT(OKX_STATUS_OK, okx_client_reader(client, "books5:BTC-USDT", &reader));
    EXPECT(OKX_STATUS_NOT_FOUND, okx_client_reader(client, "books5:ETH-USDT", &other));
    EXPECT(OKX_STATUS_TEXT, okx_client_subscribe(client, "swap/depth5:BTC-USD-SWAP"));
    EXPECT(OKX_STATUS_OK, okx_client_subscribe(client, "trades:BTC-USDT"));
    EXPECT(OKX_STATUS_OK, okx_client_state(client, "trades:BTC-USDT", &state));
    EXPECT(OKX_STATUS_ARGUMENT, okx_client_events(client, 0, &events));
    EXPECT(OKX_STATUS_OK, okx_client_events(client, 1, &events));
    while (!atomic_load(&called_back)) nanosleep(&pause, NULL);
    pthread_create(&threads[0], NULL, read_for_a_while, reader);
    pthread_create(&threads[1], NULL, read_for_a_while, reader);
    EXPECT(OKX_STATUS_OK, okx_events_next(events, 10000, &event, sizeof event));
    EXPECT(OKX_STATUS_OK, okx_client_health(client, &health));
    EXPECT(OKX_STATUS_OK, okx_client_stats(client, &stats, sizeof stats));
    if (may_fork) in_a_fork(events);
    EXPECT(OKX_STATUS_OK, okx_client_unsubscribe(client, "trades:BTC-USDT"));
    EXPECT(OKX_STATUS_OK, okx_client_stop(client));
    EXPECT(OKX_STATUS_HANDLE, okx_client_stop(client));
    EXPECT(OKX_STATUS_HANDLE, okx_client_health(client, &health));
    EXPECT(OKX_STATUS_OK, okx_reader_book(reader, &view));
    if (view.state != OKX_STATE_DOWN_STOPPED) exit(4);
    while (okx_events_next(events, 0, &event, sizeof event) != OKX_STATUS_END) {}
    EXPECT(OKX_STATUS_OK, okx_events_close(events));
    EXPECT(OKX_STATUS_OK, okx_events_close(own_events));
    EXPECT(OKX_STATUS_HANDLE, okx_events_next(events, 0, &event, sizeof event));
    EXPECT(OKX_STATUS_OK, okx_reader_close(reader));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    EXPECT(OKX_STATUS_HANDLE, okx_reader_book(reader, &view));
    if (atomic_load(&wrong_waits) != 0) exit(5);
}

int main(int argc, char **argv) {
    static const char text[] =
        "{\"arg\":{\"channel\":\"books\",\"instId\":\"A-B\"},\"action\":\"snapshot\",\"data\":[{"
        "\"asks\":[[\"3\",\"1\",\"0\",\"1\"]],\"bids\":[],\"ts\":\"1700000000001\",\"seqId\":7,"
        "\"prevSeqId\":-1}]}";
    okx_feed *feed;
    okx_level level;
    okx_state state;
    size_t asks, bids, len, cut;
    char buffer[200];
    int on_stack = 0;
    EXPECT(OKX_STATUS_OK, okx_feed_new(OKX_DIALECT_V5, NULL, NULL, &feed));
    EXPECT(OKX_STATUS_NULL, okx_feed_subscribe(NULL, "books:A-B"));
    EXPECT(OKX_STATUS_NULL, okx_feed_subscribe(feed, NULL));
    EXPECT(OKX_STATUS_HANDLE, okx_feed_subscribe((okx_feed *)(void *)&on_stack, "books:A-B"));
    EXPECT(OKX_STATUS_HANDLE, okx_reader_close((okx_reader *)(void *)feed));
    EXPECT(OKX_STATUS_OK, okx_feed_subscribe(feed, "books:A-B"));
    EXPECT(OKX_STATUS_BUFFER, okx_feed_request(feed, "books:A-B", true, 1, buffer, 10, &len));
    EXPECT(OKX_STATUS_OK, okx_feed_request(feed, "books:A-B", true, 1, buffer, len + 1, &len));
    if (strlen(buffer) != len) return 6;
    /* Every cut of a message, each in memory of its own size, so that a read past it is found. */
    for (cut = 0; cut < sizeof text - 1; cut++) {
        uint8_t *part = malloc(cut + (cut == 0));
        memcpy(part, text, cut);
        EXPECT(OKX_STATUS_DECODE, okx_feed_on_frame(feed, OKX_FRAME_KIND_TEXT, part, cut, 1));
        free(part);
    }
    EXPECT(OKX_STATUS_OK, okx_feed_on_frame(feed, OKX_FRAME_KIND_TEXT, (const uint8_t *)text,
                                            sizeof text - 1, 1));
    EXPECT(OKX_STATUS_BUFFER,
           okx_feed_depth(feed, "books:A-B", NULL, 0, &asks, NULL, 0, &bids, &state));
    EXPECT(OKX_STATUS_OK, okx_feed_depth(feed, "books:A-B", &level, asks, &asks, NULL, bids, &bids,
                                         &state));
    if (asks != 1 || bids != 0 || level.px != 3 || state != OKX_STATE_LIVE) return 7;
    EXPECT(OKX_STATUS_OK, okx_feed_close(feed));
    EXPECT(OKX_STATUS_HANDLE, okx_feed_close(feed));
    if (argc > 1) a_client(argv[1], argc > 2);
    printf("done\n");
    return 0;
}
