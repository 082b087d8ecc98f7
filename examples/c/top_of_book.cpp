// Waits for the events of a client on a thread of its own, and prints the best prices of an order
// book after each of its messages:
//
//   c++ -std=c++17 top_of_book.cpp -o top_of_book $(pkg-config --cflags --libs okx-feed)
//   ./top_of_book books:BTC-USDT [URL [LINES]]
#include <okx_feed.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

void check(okx_status status) {
    if (status < 0)
        throw std::runtime_error(std::string(okx_status_text(status)) + ": " + okx_last_error());
}

// Closes a handle at the end of its scope.
template <typename T, okx_status (*Close)(T *)>
struct Closer {
    void operator()(T *handle) const { Close(handle); }
};
using Client = std::unique_ptr<okx_client, Closer<okx_client, okx_client_stop>>;
using Events = std::unique_ptr<okx_events, Closer<okx_events, okx_events_close>>;

std::string decimal(int64_t mantissa, uint8_t scale) {
    char text[24];
    check(okx_decimal_text(mantissa, scale, text, sizeof text, nullptr));
    return text;
}

void run(const std::string &channel, const char *url, long lines) {
    okx_options *options = nullptr;
    check(okx_options_new(OKX_DIALECT_V5, &options));
    check(okx_options_subscribe(options, channel.c_str()));
    if (url != nullptr) check(okx_options_url(options, url));
    okx_client *started = nullptr;
    check(okx_client_start(options, &started));
    const Client client(started);
    okx_events *queue = nullptr;
    check(okx_client_events(client.get(), 1024, &queue));
    const Events events(queue);
    while (lines > 0) {
        okx_event event;
        const okx_status status = okx_events_next(events.get(), 5000, &event, sizeof event);
        check(status);
        if (status == OKX_STATUS_EMPTY) {
            okx_health health;
            check(okx_client_health(client.get(), &health));
            std::cerr << "no event: " << health.text << '\n';
        } else if (status == OKX_STATUS_OK && event.kind == OKX_EVENT_KIND_DEPTH && event.is_live
                   && event.book->bids_len > 0 && event.book->asks_len > 0) {
            const okx_level &bid = event.book->bids[0], &ask = event.book->asks[0];
            std::cout << std::string(event.inst_id.data, event.inst_id.len) << " seq " << event.seq
                      << " bid " << decimal(bid.px, bid.px_scale) << " ask "
                      << decimal(ask.px, ask.px_scale) << '\n';
            lines--;
        }
    }
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " CHANNEL [URL [LINES]]\n";
        return 2;
    }
    try {
        run(argv[1], argc > 2 ? argv[2] : nullptr, argc > 3 ? std::atol(argv[3]) : 10);
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
