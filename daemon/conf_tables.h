/* What ties the tables of tandem's own configuration together: the root table, what is not served yet,
 * and the scalar types that only this configuration has. Control thread. */
#ifndef DAEMON_CONF_TABLES_H
#define DAEMON_CONF_TABLES_H

#include "daemon/conf_schema.h"
#include "daemon/config.h"

extern const struct conf_map conf_root;
extern const struct conf_unserved conf_unserved[];

/* conf_values.c */
extern const struct conf_type conf_workers;        /* unsigned: "auto" or a number */
extern const struct conf_type conf_country;        /* digits of a country code */
extern const struct conf_type conf_dial;           /* digits dialled before a number */
extern const struct conf_type conf_national;       /* the same, or "none" */
extern const struct conf_type conf_called;         /* struct trunk_called */
extern const struct conf_type conf_ports;          /* struct trunk_ports: "5060" or "10000-20000" */
extern const struct conf_type conf_header_name;    /* of a header that may be changed */
extern const struct conf_type conf_target;         /* struct config_target from a SIP URI */
extern const struct conf_type conf_region_ref;     /* uint8_t index from a region's name */
extern const struct conf_type conf_pool_ref;       /* uint16_t index from a pool's name */
extern const struct conf_type conf_trunk_ref;      /* a trunk's name that exists */
extern const struct conf_type conf_pattern;        /* struct policy_number: number or prefix */
extern const struct conf_type conf_header;         /* name of a SIP header field */
extern const struct conf_type conf_refusal;        /* uint16_t response code; 0: none */
extern const struct conf_type conf_window;         /* struct policy_window from "mon-fri 08:00-18:00"; conf_time.c */
extern const struct conf_type conf_zone;           /* name of a time zone that there is; conf_time.c */
extern const struct conf_type conf_percent;        /* double; 100 and 0 mean all, and are not printed */
extern const struct conf_type conf_router_id;      /* uint32_t in host order */
extern const struct conf_type conf_hold;           /* BGP hold time in uint32_t of ms */
extern const struct conf_type conf_community;      /* uint32_t from "65000:1" */
extern const struct conf_type conf_large_community; /* struct anycast_large_community from "64512:1:2" */
extern const struct conf_type conf_peer_file;      /* config.peer_password_file of the peer at `value` */
extern const struct conf_type conf_redis;          /* struct redis_server; conf_cluster.c */
extern const struct conf_type conf_admin_listen;   /* an item of admin.listen into struct config_admin */

/* conf_check.c: what no single value shows; every error with its place. */
void conf_check(struct conf *c, const struct config *config);
void conf_check_cluster(struct conf *c, const struct config *config);  /* conf_cluster.c */

#endif
