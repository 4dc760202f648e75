"""TLS for SIPp in tests/bench/calls: one stunnel that takes the carrier's TCP to each server by TLS, and what comes to a
region by TLS on to SIPp by TCP. The certificates are made for the run."""
import subprocess

PORT, BEHIND = 5061, 5062  # where TLS is spoken, and where SIPp stands behind it in a region
GLOBAL = """foreground = yes
pid =
debug = err
syslog = no
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
sslVersionMin = TLSv1.2
CAfile = {dir}/ca.pem
"""
TO_SERVER = """[to-{front}]
client = yes
accept = {entrance}
connect = {front}:{port}
local = {carrier}
verifyChain = yes
checkIP = {front}
"""
TO_REGION = """[to-{region}]
accept = {region}:{port}
connect = {region}:{behind}
cert = {dir}/{region}.pem
key = {dir}/{region}.key
"""


def entrance(carrier, front):
    """Where SIPp, as the carrier, reaches a server: a port for each, by its address' last part."""
    return "%s:%d" % (carrier, 5080 + int(front.rpartition(".")[2]))


def certificates(directory, addresses):
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca",
            "-addext", "basicConstraints=critical,CA:TRUE")
    for address in addresses:
        with open("%s/%s.ext" % (directory, address), "w") as out:
            out.write("subjectAltName=IP:%s\n" % address)
        openssl("req", *new_key, "-keyout", address + ".key", "-out", address + ".csr", "-subj", "/CN=" + address)
        openssl("x509", "-req", "-in", address + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", address + ".ext", "-out", address + ".pem")


def write(directory, carrier, fronts, regions):
    """The certificates, and stunnel's configuration, tunnels.conf."""
    certificates(directory, (*fronts, *regions))
    with open(directory + "/tunnels.conf", "w") as out:
        out.write(GLOBAL.format(dir=directory))
        for front in fronts:
            out.write(TO_SERVER.format(front=front, entrance=entrance(carrier, front), carrier=carrier, port=PORT))
        for region in regions:
            out.write(TO_REGION.format(region=region, port=PORT, behind=BEHIND, dir=directory))


def by_tls(scenario):
    """A scenario whose messages say that they go by TLS, to the server itself ([front]) and to the region's tunnel."""
    for was, becomes in (("SIP/2.0/[transport]", "SIP/2.0/TLS"), ("[remote_ip]:[remote_port]", "[front];transport=tls"),
                         ("Contact: <sip:[local_ip]:[local_port]", "Contact: <sip:[local_ip]:%d" % PORT),
                         ("transport=[transport]", "transport=tls")):
        scenario = scenario.replace(was, becomes)
    return scenario
