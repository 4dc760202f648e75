# The whole picture in network namespaces, for the demo and for lab tests; sourced by bash after tests/lib.sh.
#
#        carrier            region-1           region-2
#      192.0.2.2/29       192.0.2.130/29     192.0.2.138/29
#           |                  |                  |
#           +--------------- router --------------+     BIRD, AS 64600, equal-cost multipath
#                          /        \
#       198.51.100.1/29   /          \   198.51.100.9/29
#       198.51.100.3   node-a      node-b   198.51.100.11      tandemd, AS 64512
#                         \          /
#                        203.0.113.10/32                       on lo of both, the route by BGP only
#
# $P prefixes the namespaces' names. What is started is known to tests/lib.sh by its name ($DIR/NAME.pid);
# configurations, logs and call logs are in $DIR.

P=${P:-}
PLACES="carrier router node-a node-b region-1 region-2"
ANYCAST=203.0.113.10
TRUNK_SOURCES=192.0.2.0/29
declare -A ADDRESS=([carrier]=192.0.2.2 [node-a]=198.51.100.3 [node-b]=198.51.100.11 [region-1]=192.0.2.130 [region-2]=192.0.2.138)
declare -A GATEWAY=([carrier]=192.0.2.1 [node-a]=198.51.100.1 [node-b]=198.51.100.9 [region-1]=192.0.2.129 [region-2]=192.0.2.137)

# at PLACE COMMAND...; `ip netns exec` becomes the command, so that its pid is the command's.
at() { local place=$1; shift; ip netns exec "$P$place" "$@"; }
# spawn_at PLACE NAME COMMAND...: in the background, out of the terminal's reach.
spawn_at() { local place=$1 name=$2; shift 2; spawn "$name" setsid ip netns exec "$P$place" "$@"; }

picture_net_up() {
	local place
	for place in $PLACES; do
		ip netns add "$P$place"
		at "$place" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
		ip -n "$P$place" link set lo up
	done
	# Hash on addresses and ports. Policy 1 would take the sending socket's own random hash over veth; policy 3
	# with source, destination, protocol and both ports dissects the packet, and a fixed seed repeats.
	at router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.default.ignore_routes_with_linkdown=1 \
		net.ipv4.fib_multipath_hash_policy=3 net.ipv4.fib_multipath_hash_fields=55 net.ipv4.fib_multipath_hash_seed=4660
	for place in carrier node-a node-b region-1 region-2; do
		ip link add "to-$place" netns "${P}router" type veth peer name eth0 netns "$P$place"
		ip -n "${P}router" addr add "${GATEWAY[$place]}/29" dev "to-$place"
		ip -n "${P}router" link set "to-$place" up
		ip -n "$P$place" addr add "${ADDRESS[$place]}/29" dev eth0
		ip -n "$P$place" link set eth0 up
		ip -n "$P$place" route add default via "${GATEWAY[$place]}"
	done
	# Without a route from BGP the router says so, in place of a loop.
	ip -n "${P}router" route add unreachable 203.0.113.0/24 metric 4278198272
}

# Ends every process in the namespaces, all of them this picture's, and deletes them.
picture_net_down() {
	local place pid
	for place in $PLACES; do
		[ -e "/run/netns/$P$place" ] || continue
		for pid in $(ip netns pids "$P$place"); do kill -s KILL "$pid" 2>/dev/null || true; done
		ip netns del "$P$place"
	done
}

picture_secrets() {
	(umask 077; head -c 32 /dev/urandom | base64 >"$DIR/cluster.key"; head -c 15 /dev/urandom | base64 >"$DIR/bgp.key")
}

router_start() {
	cat >"$DIR/bird.conf" <<BIRD
log stderr all;
router id ${GATEWAY[node-a]};
protocol device { scan time 10; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; merge paths yes limit 16; metric 100; }
template bgp node {
	local as 64600;
	strict bind yes;
	password "$(cat "$DIR/bgp.key")";
	hold time 9;
	connect retry time 2; connect delay time 1; error wait time 1, 2;
	direct;
	ipv4 { import where net ~ [ 203.0.113.0/24{32,32} ]; export none; };
}
protocol bgp node_a from node { source address ${GATEWAY[node-a]}; neighbor ${ADDRESS[node-a]} as 64512; }
protocol bgp node_b from node { source address ${GATEWAY[node-b]}; neighbor ${ADDRESS[node-b]} as 64512; }
BIRD
	spawn_at router router bird -f -c "$DIR/bird.conf" -s "$DIR/bird.ctl"
}

anycast_section() {
	cat <<YAML
anycast:
  router_id: ${ADDRESS[$1]}
  as: 64512
  prefixes:
    - {prefix: $ANYCAST/32, manage_address: true}
  peers:
    - {name: router, address: ${GATEWAY[$1]}, local_address: ${ADDRESS[$1]}, as: 64600, hold: 9s, connect_retry: 1s, password_file: $DIR/bgp.key}
  gate: {rise: 2, fall: 2, min_regions: 1}
YAML
}

# node_start_at NODE
node_start_at() {
	cat >"$DIR/$1.yaml" <<YAML
node: {id: $1, address: ${ADDRESS[$1]}}
listen:
  - {address: $ANYCAST, port: 5060, transport: udp, anycast: true}
trunks:
  - {name: carrier-a, sources: [$TRUNK_SOURCES]}
regions:
  - {name: region-1, targets: ["sip:${ADDRESS[region-1]}:5060"], max_calls: ${region_max_calls:-100}}
  - {name: region-2, targets: ["sip:${ADDRESS[region-2]}:5060"], max_calls: ${region_max_calls:-100}}
probes: {interval: 500ms, timeout: 400ms, rise: 2, fall: 2}
pools:
  - {name: default, regions: [region-1, region-2], strategy: adaptive, failover: {first_response: 1s}}
rules:
  - {name: all, pool: default}
$(anycast_section "$1")
cluster: {secret_file: $DIR/cluster.key}
admin: {listen: ["127.0.0.1:8080"]}
log: {level: info, calls: {file: $DIR/$1.calls.jsonl}}
YAML
	spawn_at "$1" "$1" "$BUILD/tandemd" -c "$DIR/$1.yaml"
}
api_at() { local node=$1 path=$2; shift 2; at "$node" curl -sS --max-time 5 "$@" "http://127.0.0.1:8080$path"; }

# region_start_at REGION DELAY_MS: answers calls until it is ended, ringing after a delay that stands for its distance.
region_start_at() { spawn_at "$1" "$1" /usr/bin/python3 "$TOP/tests/lab/region.py" "${ADDRESS[$1]}" "$2" "$DIR/$1.json"; }
# region_figure REGION NAME: as of now; what changes is written a moment later.
region_figure() { sleep 0.2; jq ".$2" "$DIR/$1.json"; }

# carrier_start RATE DURATION_MS [SIPP OPTIONS]: each call has a socket, and so a flow, of its own.
carrier_start() {
	local rate=$1 duration=$2
	shift 2
	"$TOP/tests/sipp/scenario" uac "send INVITE, recv 180, recv 200, send ACK, pause, send BYE, recv 200" >"$DIR/carrier.xml"
	spawn_at carrier carrier sipp -sf "$DIR/carrier.xml" -s +14155550123 -t un -max_socket 5000 -i "${ADDRESS[carrier]}" "${SIPP_COMMON[@]}" \
		-stf "$DIR/carrier.csv" -error_file "$DIR/carrier.err" -r "$rate" -d "$duration" "$@" "$ANYCAST:5060"
}

# The nodes that the router sends calls to, one a line.
routed_nodes() {
	local place
	for place in node-a node-b; do
		ip -n "${P}router" route show "$ANYCAST" | grep -qE "via ${ADDRESS[$place]} |via ${ADDRESS[$place]}$" && echo "$place"
	done
	return 0
}
routed() { [ "$(routed_nodes | tr '\n' ' ')" = "$*${*:+ }" ]; }
