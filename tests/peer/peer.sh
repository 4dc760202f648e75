# What the tests with a router share; sourced by frr, gobgp and openbgpd. A router in a namespace of its own,
# joined to the node (the program tests/peer/speaker) by a veth pair. Every router goes through the same cases;
# its file says how it is started and asked:
#
#   router_start [PASSWORD]   starts it; spawns a process named "router"
#   router_up                 its session is Established
#   router_route PREFIX       all it knows of the route, in its own words; fails when there is none
#   router_refresh            has it ask for all routes again
#   router_asks               no: router_refresh goes by what it has kept, and sends no ROUTE-REFRESH
#   router_says               patterns of its words, by name: path med community large next_hop cease
. "$(dirname "$0")/../lib.sh"
V4=203.0.113.10/32 V6=2001:db8:ac::10/128
ROUTER=198.51.100.1 ROUTER6=2001:db8:a::1 NODE=198.51.100.3 NODE6=2001:db8:a::3

# Once a file, after sandbox.
peer_net() {
	ip link set lo up
	ip netns add router
	sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	at sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	at ip link set lo up
	ip link add link0 type veth peer name link0 netns router
	ip address add $NODE/29 dev link0 && ip address add $NODE6/64 dev link0 nodad
	at ip address add $ROUTER/29 dev link0 && at ip address add $ROUTER6/64 dev link0 nodad
	ip link set link0 up && at ip link set link0 up
}
at() { ip netns exec router "$@"; }

# speaker OPTIONS...: the node; its orders go to descriptor 3.
speaker() {
	rm -f "$DIR/in"
	mkfifo "$DIR/in"
	exec 3<>"$DIR/in"
	"$BUILD/tests/peer/speaker" id=$NODE managed=$V4 managed=$V6 "$@" <"$DIR/in" >>"$DIR/speaker.out" 2>"$DIR/speaker.log" 3>&- &
	echo $! >"$DIR/speaker.pid"
	say ready on
}
say() { echo "$*" >&3; }
status() {
	: >"$DIR/speaker.out"
	say status
	for _ in $(seq 40); do grep -qx '\.' "$DIR/speaker.out" && break; sleep 0.05; done
	cat "$DIR/speaker.out"
}
logged() { grep -q -- "$1" "$DIR/speaker.log"; }
updates() { status | sed -n 's/^peer.* updates \([0-9]*\) .*/\1/p'; }
both() { router_up && router_route $V4 >/dev/null && router_route $V6 >/dev/null; }
none() { ! router_route $V4 >/dev/null && ! router_route $V6 >/dev/null; }
route_has() { router_route "$1" | tr '\n' ' ' | grep -qE -- "$2"; }
router_logged() { grep -qi -- "$1" "$DIR/router.log"; }
speaker_stop() {
	say stop
	for _ in $(seq 60); do running speaker || break; sleep 0.05; done
	stop speaker KILL
	is "exit status of the node" "$STATUS" 0
}

peer="peer=$ROUTER as=65000 local_as=65010 hold=6000 listen=$NODE"

attributes() {
	router_start tandem-test
	# shellcheck disable=SC2086
	speaker $peer password=tandem-test med=100 prepend=1 community=$((65010 << 16 | 7)) large=65010:1:4200000000
	wait_for 15 both
	for what in path med community large next_hop next_hop6; do
		prefix=$V4
		[ $what = next_hop6 ] && prefix=$V6
		route_has $prefix "${router_says[$what]}" || fail "$what is not as sent: $(router_route $prefix | tr -s ' \n' ' ' | cut -c1-500)"
	done
	status | grep -q 'hold 6000' || fail "hold time: $(status)"
	say fault overload
	wait_for 3 route_has $V4 "${router_says[degraded]}"
	say fault none
	wait_for 3 route_has $V4 "${router_says[med]}"
	say drain on
	wait_for 3 route_has $V4 "${router_says[drain]}"
	say drain out
	wait_for 3 none
	say drain off
	wait_for 3 both
	speaker_stop
	none || fail "the routes are still there after a clean stop"
	wait_for 2 router_logged "${router_says[cease]}"
}

refresh() {
	local before
	router_start
	# shellcheck disable=SC2086
	speaker $peer
	wait_for 15 both
	sleep 0.5
	before=$(updates)
	sleep 0.5
	is "UPDATEs without a change" "$(updates)" "$before"
	router_refresh || fail "the router cannot be asked to refresh"
	both || fail "routes were lost by the refresh"
	[ "${router_asks:-yes}" = yes ] || return 0
	for _ in $(seq 60); do [ "$(updates)" -gt "$before" ] && break; sleep 0.05; done
	[ "$(updates)" -gt "$before" ] || fail "the refresh was not answered"
	both || fail "routes were lost by the refresh"
}

# Its CEASE is told; after it is back all is announced again; so it is after a crash, and after silence.
restarts() {
	router_start
	# shellcheck disable=SC2086
	speaker $peer retry=1000 hold=3000
	wait_for 15 both
	stop router TERM 10
	router_gone
	wait_for 3 logged "down after"
	router_start
	wait_for 15 both
	stop router KILL
	router_gone
	router_start
	wait_for 15 both
	router_signal STOP
	wait_for 8 logged 'hold time over: it has said nothing for 3 s'
	router_signal CONT
	wait_for 20 both
}

# Both connect at once; one session stays, with either side's identifier the higher one.
collision() {
	local i router_id
	for router_id in $ROUTER 203.0.113.1; do  # lower and higher than the node's
		router_start
		for i in 1 2; do
			# shellcheck disable=SC2086
			speaker $peer retry=1000
			wait_for 15 both
			sleep 0.4
			both || fail "router id $router_id, round $i: the session did not stay"
			stop speaker KILL
			wait_for 5 none
		done
		stop router TERM 10
		router_gone
	done
}

# spoilt WHAT SPEAKER_OPTIONS...: a session through tests/peer/middle.py.
spoilt() {
	router_start
	spawn middle /usr/bin/python3 "$TOP/tests/peer/middle.py" 1790 $ROUTER $NODE "$1"
	wait_for 5 listens 127.0.0.1:1790
	shift
	speaker peer=127.0.0.1 port=1790 as=65000 local_as=65010 hold=6000 retry=1000 next_hop=$NODE next_hop=$NODE6 "$@"
	wait_for 15 grep -q spoilt "$DIR/middle.log"
}
took_offence() { logged 'it says UPDATE Message Error' || route_has $V6 "${router_says[next_hop6]}"; }
listens() { ss -Hltn "src $1" | grep -q .; }

# Towards it: a router of RFC 7606 loses the route alone, others end the session and say why, which we say in our
# words. Either way the next announcement is there. From it: we are of RFC 7606.
malformed() {
	spoilt to-origin med=100
	wait_for 15 took_offence
	sleep 0.5
	if ! logged 'it says UPDATE Message Error'; then
		! router_route $V4 >/dev/null || fail "the router took a route with a malformed ORIGIN"
		router_up || fail "the router ended the session without a word: $(status | head -n 1)"
	fi
	say fault overload
	wait_for 20 route_has $V4 "${router_says[degraded]}"
	stop speaker KILL
	stop middle KILL
	stop router KILL
	spoilt from-origin
	wait_for 10 logged 'ORIGIN is malformed'
	wait_for 15 both
}

# What ends a session is told to the router, and said here in words; then it is back.
malformed_prefix() {
	spoilt from-prefix
	wait_for 10 logged 'malformed prefix in NLRI'
	wait_for 20 both
}

# A wrong password is no session, and is guessed in the log; other passwords of the file are not shown.
wrong_password() {
	router_start tandem-test
	# shellcheck disable=SC2086
	speaker $peer password=another retry=1000
	wait_for 10 logged 'no answer.*MD5 password'
	! router_up || fail "there is a session"
	! grep -q another "$DIR/speaker.log" || fail "the password is in the log"
}

wrong() {
	router_start
	speaker peer=$ROUTER as=64999 local_as=65010 listen=$NODE
	wait_for 10 logged 'it says it is AS 65000, the configuration says AS 64999'
	stop speaker KILL
	speaker peer=$ROUTER as=65000 local_as=65011 listen=$NODE
	wait_for 10 logged 'it \(says\|closed\)'
	grep -m1 'it \(says\|closed\)' "$DIR/speaker.log"
}

router_gone() { :; }
router_signal() { kill -s "$1" "$(cat "$DIR/router.pid")"; }

peer_cases() {
	it "$1: MD5, both families, attributes, degrade, drain, cease text" attributes
	it "$1: refresh is answered, no UPDATE without a change" refresh
	it "$1: its restart, its crash, its silence" restarts
	it "$1: connection collision" collision
	it "$1: a wrong AS, either way" wrong
	it "$1: a wrong password" wrong_password
	it "$1: malformed attributes, in both directions" malformed
	it "$1: a malformed prefix ends the session, in words" malformed_prefix
	finish
}
