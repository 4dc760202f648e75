/* Counters of the SIP side: one array a worker, written by that worker alone, read by anyone. Names
 * are Prometheus names; the admin API prints them from this one list. */
#ifndef PROXY_STATS_H
#define PROXY_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/* X(identifier, metric name without "tandem_", labels, help) - lines of one metric stay together */
#define STATS_LIST(X) \
	X(RX_DATAGRAMS,       "sip_received_datagrams_total", "", "Datagrams read from SIP sockets") \
	X(TX_DATAGRAMS,       "sip_sent_datagrams_total", "", "Datagrams handed to the kernel") \
	X(TX_ERRORS,          "sip_send_errors_total", "", "Datagrams the kernel refused") \
	X(TX_UNREACHABLE,     "sip_unreachable_total", "", "Attempts that failed at once: an ICMP error said that nobody is there") \
	X(LARGE_TCP,          "sip_large_requests_total", "by=\"tcp\"", "Requests over 1300 bytes to where UDP is spoken, by the way they went") \
	X(LARGE_UDP,          "sip_large_requests_total", "by=\"udp\"", "") \
	X(LARGE_BACK,         "sip_large_requests_total", "by=\"udp_after_tcp\"", "") \
	X(RX_STREAM,          "sip_received_stream_messages_total", "", "Messages read from TCP and TLS connections") \
	X(TX_STREAM,          "sip_sent_stream_messages_total", "", "Messages written to TCP and TLS connections") \
	X(STREAM_PINGS,       "sip_pings_sent_total", "", "Pings on connections of ours that nothing else went by (RFC 5626)") \
	X(STREAM_ACCEPTED,    "sip_connections_total", "event=\"accepted\"", "What became of TCP and TLS connections") \
	X(STREAM_OPENED,      "sip_connections_total", "event=\"opened\"", "") \
	X(STREAM_RESUMED,     "sip_connections_total", "event=\"tls_resumed\"", "") \
	X(STREAM_ALIAS,       "sip_connections_total", "event=\"alias\"", "") \
	X(STREAM_CLOSED,      "sip_connections_total", "event=\"closed\"", "") \
	X(STREAM_REFUSED,     "sip_connections_total", "event=\"refused_limit\"", "") \
	X(STREAM_FAILED,      "sip_connections_total", "event=\"failed\"", "") \
	X(STREAM_FRAMING,     "sip_connections_total", "event=\"framing\"", "") \
	X(STREAM_SLOW,        "sip_connections_total", "event=\"slow_peer\"", "") \
	X(STREAM_GONE,        "sip_connections_total", "event=\"gone_before_response\"", "") \
	X(REQ_INVITE,         "sip_requests_total", "method=\"INVITE\"", "Requests accepted for processing, retransmissions not counted") \
	X(REQ_ACK,            "sip_requests_total", "method=\"ACK\"", "") \
	X(REQ_BYE,            "sip_requests_total", "method=\"BYE\"", "") \
	X(REQ_CANCEL,         "sip_requests_total", "method=\"CANCEL\"", "") \
	X(REQ_OPTIONS,        "sip_requests_total", "method=\"OPTIONS\"", "") \
	X(REQ_OTHER,          "sip_requests_total", "method=\"other\"", "") \
	X(RETRANS_IN,         "sip_retransmissions_total", "direction=\"in\"", "Retransmissions absorbed (in) and sent (out)") \
	X(RETRANS_OUT,        "sip_retransmissions_total", "direction=\"out\"", "") \
	X(RESP_1XX,           "sip_responses_total", "class=\"1xx\"", "Responses received that matched a transaction") \
	X(RESP_2XX,           "sip_responses_total", "class=\"2xx\"", "") \
	X(RESP_3XX,           "sip_responses_total", "class=\"3xx\"", "") \
	X(RESP_4XX,           "sip_responses_total", "class=\"4xx\"", "") \
	X(RESP_5XX,           "sip_responses_total", "class=\"5xx\"", "") \
	X(RESP_6XX,           "sip_responses_total", "class=\"6xx\"", "") \
	X(DROP_SOURCE,        "sip_dropped_total", "reason=\"unknown_source\"", "Datagrams dropped without an answer, by reason") \
	X(DROP_TOKEN,         "sip_dropped_total", "reason=\"bad_token\"", "") \
	X(DROP_STRAY,         "sip_dropped_total", "reason=\"stray_response\"", "") \
	X(DROP_STRAY_ACK,     "sip_dropped_total", "reason=\"stray_ack\"", "") \
	X(DROP_SHED_ACK,      "sip_dropped_total", "reason=\"shed_ack\"", "") \
	X(DROP_MALFORMED,     "sip_dropped_total", "reason=\"malformed\"", "") \
	X(DROP_KEEPALIVE,     "sip_dropped_total", "reason=\"keepalive\"", "") \
	X(DROP_MEMORY,        "sip_dropped_total", "reason=\"memory\"", "") \
	X(DROP_HANDOVER,      "sip_dropped_total", "reason=\"handover_full\"", "") \
	X(DROP_KERNEL,        "sip_dropped_total", "reason=\"kernel_queue\"", "") \
	X(HANDOVERS,          "sip_worker_handovers_total", "", "Datagrams passed to the worker that owns their call") \
	X(REJ_MALFORMED,      "sip_rejected_total", "status=\"400\"", "Requests answered by tandem itself with a failure") \
	X(REJ_METHOD,         "sip_rejected_total", "status=\"405\"", "") \
	X(REJ_NOT_FOUND,      "sip_rejected_total", "status=\"404\"", "") \
	X(REJ_EXTENSION,      "sip_rejected_total", "status=\"420\"", "") \
	X(REJ_NO_TRANSACTION, "sip_rejected_total", "status=\"481\"", "") \
	X(REJ_LOOP,           "sip_rejected_total", "status=\"482\"", "") \
	X(REJ_HOPS,           "sip_rejected_total", "status=\"483\"", "") \
	X(REJ_OTHER,          "sip_rejected_total", "status=\"other\"", "") \
	X(CALLS_ANSWERED,     "calls_total", "outcome=\"answered\"", "Calls that ended or failed, by outcome") \
	X(CALLS_BUSY,         "calls_total", "outcome=\"busy\"", "") \
	X(CALLS_REJECTED,     "calls_total", "outcome=\"rejected\"", "") \
	X(CALLS_FAILED,       "calls_total", "outcome=\"failed\"", "") \
	X(CALLS_CANCELLED,    "calls_total", "outcome=\"cancelled\"", "") \
	X(CALLS_TIMEOUT,      "calls_total", "outcome=\"timeout\"", "") \
	X(CALLS_LIMITED,      "calls_total", "outcome=\"limited\"", "") \
	X(NAME_WAITS,         "sip_waits_for_names_total", "", "Requests within calls that waited for where a name is") \
	X(CALLS_NO_REGION,    "calls_no_region_total", "", "Calls refused because no region was eligible") \
	X(CALLS_SHED,         "calls_shed_total", "", "New calls turned away because the node was overloaded") \
	X(FAILOVERS,          "call_failovers_total", "", "Attempts that were followed by one at another region") \
	X(TARGET_RETRIES,     "call_target_retries_total", "", "Attempts that were followed by one at another target of the same region") \
	X(RETRIES_REFUSED,    "call_retries_refused_total", "", "Attempts that were followed by none because the retry budget was spent") \
	X(WRONG_NODE,         "dialog_requests_wrong_node_total", "", "In-dialog requests of calls that another node set up") \
	X(CLAIMS,             "claims_total", "result=\"asked\"", "Requests whose owner among the nodes was asked for, and what came of it") \
	X(UNCLAIMED,          "claims_total", "result=\"unknown\"", "") \
	X(HANDED,             "claims_total", "result=\"handed_over\"", "") \
	X(ADOPTED,            "claims_total", "result=\"adopted\"", "") \
	X(HANDED_IN,          "handed_messages_total", "", "Messages that another node handed over, because they are of transactions of this one") \
	X(LOG_RECORDS,        "log_records_total", "result=\"handed_over\"", "Records handed to the log thread; records and lines lost to a full ring or file") \
	X(LOG_LOST,           "log_records_total", "result=\"lost\"", "")

enum stat_counter {
#define STATS_ENUM(id, name, labels, help) STAT_##id,
	STATS_LIST(STATS_ENUM)
#undef STATS_ENUM
	STATS_N
};

struct stats {
	_Atomic uint64_t v[STATS_N];
};

struct stats_name {
	const char *name, *labels, *help;
};
/* The names, indexed by enum stat_counter. */
extern const struct stats_name stats_names[STATS_N];

/* The owning worker only. */
static inline void stats_add(struct stats *s, enum stat_counter which, uint64_t n)
{
	atomic_store_explicit(&s->v[which], atomic_load_explicit(&s->v[which], memory_order_relaxed) + n,
	                      memory_order_relaxed);
}
static inline void stats_inc(struct stats *s, enum stat_counter which) { stats_add(s, which, 1); }

#endif
