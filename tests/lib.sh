# What flow, peer and lab tests share; sourced by bash.
#
# A test is a program: it prints "ok - NAME" or "not ok - NAME: why" a case, lines of explanation begin
# with "#", and it exits non-zero when a case failed. It runs inside namespaces of its own (network,
# processes, mounts), made by `sandbox`: it can use any address and port, it sees no process but its own,
# and whatever it leaves behind ends with it. Each case runs in a subshell with a directory of its own
# ($DIR), and what it started is stopped by process id when it ends, however it ends.
#
# Bounded everywhere: wait_for has a limit, SIPp has -timeout, tests/run limits the whole file.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
export ASAN_OPTIONS=exitcode=99:detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
ANYCAST=203.0.113.10 OWN=198.51.100.11 CARRIER=192.0.2.2 REGION1=198.51.100.21 REGION2=198.51.100.22 STRANGER=192.0.2.200
ANYCAST6=2001:db8:ac::10 OWN6=2001:db8:a::11 CARRIER6=2001:db8:ca::2 REGION6=2001:db8:1::21
FAILED_CASES=0

# sandbox "$@": runs the test again inside its namespaces, unless it is there already.
sandbox() {
	if [ "${TANDEM_SANDBOX:-}" != "$0" ]; then
		export TANDEM_SANDBOX=$0
		unshare --net --mount true 2>/dev/null ||
			{ echo "not ok - $(basename "$0"): network namespaces are not permitted here: run it as root"; exit 1; }
		exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
	fi
	mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/tandem-test.XXXXXX")
	trap 'rm -rf "$WORK"' EXIT
	ONLY=("$@")
}

# Ends the test file: 1 when a case failed.
finish() { exit $((FAILED_CASES > 0)); }

# ---- cases ----

# asked_for NAME FUNCTION: true when the command line names no case, or this one, by either or by what it said when it failed.
asked_for() {
	local only
	[ ${#ONLY[@]} -gt 0 ] || return 0
	for only in "${ONLY[@]}"; do [[ $only = "$1" || $only = "$2" || $only = "$1: "* ]] && return 0; done
	return 1
}

# it NAME FUNCTION [ARGS]: runs a case that is asked for.
it() {
	local name=$1 rc why
	shift
	asked_for "$name" "$1" || return 0
	DIR=$WORK/$((++CASE))
	mkdir "$DIR"
	( set -eEu -o pipefail; cd "$DIR"; trap stop_all EXIT; trap 'trace ${LINENO}' ERR; "$@" ) >"$DIR/case.log" 2>&1 </dev/null
	rc=$?
	if [ $rc = 0 ]; then
		echo "ok - $name"
	else
		why=$(head -n 1 "$DIR/why" 2>/dev/null || true)
		echo "not ok - $name: ${why:-exit status $rc}"
		for log in "$DIR"/*.log "$DIR"/*.err; do
			# SIPp's screens say less than its .err and .csv.
			[ ! -s "$log" ] || grep -q "Test Terminated\|Scenario Screen" "$log" || tail -n "${TAIL:-12}" "$log" | cut -c1-300 | sed "s|^|#   $(basename "$log"): |"
		done
		FAILED_CASES=$((FAILED_CASES + 1))
	fi
}
CASE=0

# Notes where a command failed that nobody judged; the first note stands.
trace() { [ -e "$DIR/why" ] || echo "line $1: '$BASH_COMMAND' failed" >"$DIR/why"; }
fail() { echo "$*" >>"$DIR/why"; exit 1; }
# is WHAT GOT WANTED
is() { [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"; }

# wait_for SECONDS COMMAND...: until it succeeds. SECONDS are those of a quiet machine: it gives up after three times
# as many, since this one may be shared.
wait_for() {
	local until=$((SECONDS + 3 * $1))
	shift
	while :; do
		if "$@" >/dev/null 2>&1; then return 0; fi
		[ $SECONDS -lt $until ] || break
		sleep 0.05
	done
	fail "waited in vain for: $*"
}

# ---- processes ----

# spawn NAME COMMAND...: in the background; its pid in $DIR/NAME.pid, its output in $LOG, or else $DIR/NAME.log.
spawn() {
	local name=$1
	shift
	"$@" >"${LOG:-$DIR/$name.log}" 2>&1 </dev/null &
	echo $! >"$DIR/$name.pid"
}

running() { kill -0 "$(cat "$DIR/$1.pid" 2>/dev/null)" 2>/dev/null; }
ended() { ! running "$1"; }

# stop NAME [SIGNAL [SECONDS]]: signals, waits, ends it with SIGKILL at the limit; STATUS is how it ended.
stop() {
	local pid i
	[ -e "$DIR/$1.pid" ] || return 0
	pid=$(cat "$DIR/$1.pid")
	kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
	for ((i = 0; i < ${3:-5} * 20; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	kill -s KILL "$pid" 2>/dev/null || true
	STATUS=0
	wait "$pid" 2>/dev/null || STATUS=$?
	rm -f "$DIR/$1.pid"
}

stop_all() {
	local f
	set +e
	for f in "$DIR"/*.pid; do
		[ -e "$f" ] && stop "$(basename "$f" .pid)" KILL
	done
}

# ---- building ----

# build DIRECTORY [CONFIGURE OPTIONS AND VARIABLES]: configures and makes out of tree; nothing to do is quick.
build() {
	local dir=$1
	shift
	mkdir -p "$dir"
	[ -x "$TOP/configure" ] && [ "$TOP/configure" -nt "$TOP/configure.ac" ] || "$TOP/autogen.sh"
	[ -e "$dir/Makefile" ] || (cd "$dir" && "$TOP/configure" "$@")
	make -C "$dir" -j "$(nproc)"
}

# ---- network ----

# The one-namespace picture: every party has its address on lo.
loopback_net() {
	local address
	ip link set lo up
	for address in $ANYCAST $OWN $CARRIER $REGION1 $REGION2 $STRANGER; do ip addr add "$address/32" dev lo; done
	for address in $ANYCAST6 $OWN6 $CARRIER6 $REGION6; do ip addr add "$address/128" dev lo nodad; done
}

# By any transport.
bound() { ss -Hltun "src $1" | grep -q .; }
udp_bound() { ss -Huln "src $1" | grep -q .; }

# ---- tandemd ----

# node_config: writes $DIR/tandem.yaml from these variables, each with a default that suits most cases.
node_config() {
	cat >"$DIR/tandem.yaml" <<YAML
node: {id: ${node_id:-node-t}, address: [$OWN, "$OWN6"], workers: ${workers:-1}}
listen:
  - {address: $ANYCAST, port: 5060, transport: udp, anycast: true}
  - {address: "$ANYCAST6", port: 5060, transport: udp, anycast: true}${listen_more:-}
trunks:
  - {name: carrier-a, sources: [192.0.2.0/28, "2001:db8:ca::/64"]${trunk_more:-}}
regions:
  - {name: region-1, targets: ["sip:${target1:-$REGION1:5060}"]${region1_more:-}}
  - {name: region-2, targets: ["sip:${target2:-$REGION2:5060}"]${region2_more:-}}
probes: ${probes:-{interval: 200ms, timeout: 150ms, rise: 1, fall: 5\}}
pools:
  - name: default
    regions: [region-1, region-2]
    strategy: ${strategy:-priority}
    failover: ${failover:-{on: [408, 500, 502, 503, 504], first_response: 1s, attempts: 2\}}
rules:${rules_before:-}
  - {name: all, pool: default}
tuning: ${tuning:-{slow_start: 0s, eject_failures: 0\}}  # single calls are judged, not shares
overload: {target: ${overload:-1s}}  # a busy machine is not what most tests are about
admin: {listen: ["127.0.0.1:8080"]}
log: {level: info, calls: {file: $DIR/calls.jsonl}}
YAML
}

# node_start [REGIONS]: starts tandemd and waits until so many regions (2) are healthy.
node_start() {
	node_config
	spawn tandemd ${node_under:-} "$BUILD/tandemd" -c "$DIR/tandem.yaml"
	wait_for 10 node_up "${1:-2}"
}
node_up() {
	ended tandemd && fail "tandemd ended: $(tail -n 1 "$DIR/tandemd.log")"
	[ "$(api /v1/regions | jq '[.regions[] | select(.healthy)] | length')" = "$1" ]
}

# node_stop: a clean stop; transactions that still linger are cut short by the second SIGTERM. Anything but
# exit status 0 fails the case: with the sanitizers built in that is every leak and overflow.
node_stop() {
	local pid
	pid=$(cat "$DIR/tandemd.pid")
	kill -s TERM "$pid"
	sleep 0.3
	stop tandemd TERM 10
	[ "$STATUS" = 0 ] || fail "tandemd ended with status $STATUS: $(grep -m1 -E 'ERROR: |runtime error' "$DIR/tandemd.log" || tail -n 1 "$DIR/tandemd.log")"
}

# api PATH [CURL OPTIONS]
api() { local path=$1; shift; curl -sS --max-time 5 "$@" "http://127.0.0.1:8080$path"; }

# metric NAME{LABELS}: its value, without the prefix "tandem_"; 0 when it is not there.
metric() { api /metrics | awk -v name="tandem_$1" '$1 == name { v = $2 } END { print v + 0 }'; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }

# records FILTER: the call log through jq -c.
records() { jq -c "$1" "$DIR/calls.jsonl"; }
# logged EVENT N: true when so many records of that event are written.
logged() { [ "$(records "select(.event == \"$1\")" | wc -l)" -ge "$2" ]; }
# the_end FILTER: waits for the end record of the only call and gives what the filter takes of it.
the_end() {
	wait_for 5 logged end 1
	records 'select(.event == "end")' | head -n 1 | jq -c "$1"
}

# ---- certificates, in the current directory ----

# root NAME
root() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 2 \
		-subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE
}
# certificate NAME ROOT SUBJECTALTNAME
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -out "$1.pem" -days 2 \
		-extfile <(echo "subjectAltName=$3")
}

# ---- SIPp ----

SIPP_COMMON=(-nostdin -buff_size 2097152 -bind_local -default_behaviors "all,-bye" -trace_stat -fd 1 -trace_err)

# region NAME ADDRESS LADDER [SIPP OPTIONS]: a region that behaves so. SIPp answers an unknown BYE by
# itself unless told not to: a lost call would look fine.
region() {
	local name=$1 address=$2
	"$TOP/tests/sipp/scenario" uas "$3" >"$DIR/$name.xml"
	shift 3
	spawn "$name" sipp -sf "$DIR/$name.xml" -i "$address" -p 5060 "${SIPP_COMMON[@]}" -stf "$DIR/$name.csv" \
		-error_file "$DIR/$name.err" "$@"
	if [[ $address = *:* ]]; then address="[$address]"; fi
	wait_for 5 bound "$address:5060"
}

# sipp_uac NAME LADDER DESTINATION [SIPP OPTIONS]: places calls to their end; its status is SIPp's.
sipp_uac() {
	local name=$1 to=$3
	"$TOP/tests/sipp/scenario" uac "$2" >"$DIR/$name.xml"
	shift 3
	sipp -sf "$DIR/$name.xml" -s +14155550123 "${SIPP_COMMON[@]}" -stf "$DIR/$name.csv" \
		-error_file "$DIR/$name.err" -timeout 20s -timeout_error "$@" "$to" >"$DIR/$name.log" 2>&1 </dev/null
}

# carrier LADDER [SIPP OPTIONS]: one call through the anycast address, unless options say more; every call has
# to go as the ladder says.
carrier() {
	local ladder=$1
	shift
	sipp_uac carrier "$ladder" $ANYCAST:5060 -i $CARRIER -p 5070 -m 1 "$@" || fail "carrier: $(sipp_says carrier)"
}
carrier6() {
	local ladder=$1
	shift
	sipp_uac carrier "$ladder" "[$ANYCAST6]:5060" -i $CARRIER6 -p 5070 -m 1 "$@" || fail "carrier: $(sipp_says carrier)"
}
sipp_says() { grep -ahoE '(Aborting|Failed|failed|Dead|Timeout|timed out|unexpected|No such|Cannot|while expecting).*' "$DIR/$1.err" "$DIR/$1.log" 2>/dev/null | head -n 1 | cut -c1-200; }

# stat NAME COLUMN: a figure of a SIPp that has ended.
stat_of() {
	awk -F ';' -v want="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == want) c = i } END { print $c + 0 }' "$DIR/$1.csv"
}

# region_had NAME INVITES: ends the region, which must have had so many calls, none of them failed or left over.
region_had() {
	sleep 0.2
	stop "$1" USR1 4
	is "$1: calls that got an INVITE" "$(stat_of "$1" 'invites(C)')" "$2"
	is "$1: calls that failed" "$(stat_of "$1" 'FailedCall(C)')" 0
	is "$1: calls left over" "$(stat_of "$1" CurrentCall)" 0
}
