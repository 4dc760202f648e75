/* A node: the rooms wired together, started in order and stopped in the reverse. Control thread. */
#ifndef DAEMON_NODE_H
#define DAEMON_NODE_H

#include "base/err.h"
#include "daemon/config.h"

struct node;

/* Builds everything, starts nothing; takes over `config`, also when it fails. NULL and `err`. */
struct node *node_new(struct config *config, struct err *err);
int node_start(struct node *node, struct err *err);
/* Serves until a stop is asked for by SIGTERM or SIGINT and carried out. */
void node_run(struct node *node);
void node_free(struct node *node);

#endif
