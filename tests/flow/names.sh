# What tests of names share; sourced after tests/lib.sh: a DNS server (dnsmasq), and what the node says of where a target is.

# dns_here: who asks for a name asks what `names` starts.
dns_here() {
	echo "nameserver 127.0.0.1" >"$WORK/resolv.conf"
	mount --bind "$WORK/resolv.conf" /etc/resolv.conf
}

# names OPTIONS...: a server that knows these and nothing else, with a time to live of $ttl (1).
names() {
	spawn dns dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --no-dhcp-interface=lo --user=root \
		--pid-file= --listen-address=127.0.0.1 --bind-interfaces --local=/test/ --local-ttl=${ttl:-1} "$@"
	wait_for 5 udp_bound 127.0.0.1:53
}

ANSWER="recv INVITE, send 180, send 200, recv ACK, recv BYE, send 200"
CALL="send INVITE, recv 180, recv 200, send ACK, pause, send BYE, recv 200"

addresses() { api /v1/regions/region-1 | jq -c '[.targets[] | select(.healthy) | .address] | sort'; }
addresses_are() { [ "$(addresses)" = "$1" ]; }
HOSTS="--host-record=a.test,$REGION1 --host-record=b.test,$REGION2"
LISTEN_TCP="
  - {address: $ANYCAST, port: 5060, transport: tcp, anycast: true}"
# places: [address, transport] of each target that is somewhere
places() { api /v1/regions/region-1 | jq -c '[.targets[] | select(.address) | [.address, .transport]] | sort'; }
places_are() { [ "$(places)" = "$1" ]; }
said() { grep -q "$1" "$DIR/tandemd.log"; }
