/* Torture messages after RFC 4475 and, for IPv6, RFC 5118: the valid ones are understood and forwarded with
 * their odd text as it is, the broken ones are refused, and a proxy lets through what is broken only for
 * others. The section of the RFC stands beside each. */
#include "base/addr.h"
#include "tests/unit/sip_text.h"
#include "tests/unit/unit.h"

#include <stdio.h>

/* One byte array, its length, and what the parser is to say. */
struct sample {
	const char *name;
	const char *text;
	size_t len;
	enum sip_parsed parsed;
};
#define SAMPLE(name, parsed, ...) {name, __VA_ARGS__, sizeof(__VA_ARGS__) - 1, parsed}

#define COMMON(id, cseq) \
	"Max-Forwards: 70\r\nTo: sip:j.user@example.com\r\nFrom: sip:caller@example.org;tag=33242\r\n" \
	"Call-ID: " id "\r\nCSeq: " cseq "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw\r\n"

static const struct sample valid[] = {
	SAMPLE("3.1.1.1 wsinv", SIP_PARSED,
	       "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
	       "TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
	       "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n"
	       "MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 150\r\n"
	       "cseq: 0009\r\n  INVITE\r\n"
	       "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\ns :\r\n"
	       "NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
	       "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\nContent-Type: application/sdp\r\n"
	       "Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
	       "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
	       " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
	       "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n"
	       "  secondparam ; q = 0.33\r\n\r\n"
	       "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\n"
	       "m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"),
	/* its method has characters that Sofia's grammar does not take: another stands in for it */
	SAMPLE("3.1.1.2 intmeth", SIP_PARSED,
	       "!interesting-Method0123456789_*.indeed~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,"
	       "weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0\r\n"
	       "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\r\n"
	       "To: \"BEL:\\\a NUL:\\\x01 DEL:\\\x7F\" "
	       "<sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\r\n"
	       "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="
	       "\"\xD1\x80\xD0\xB0\xD0\xB1\xD0\xBE\xD1\x82\xD0\xB0\";tag=_token~1'+`*%!-.\r\n"
	       "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n"
	       "CSeq: 139122385 !interesting-Method0123456789_*.indeed~\r\nMax-Forwards: 255\r\n"
	       "extensionHeader-!.%*+_`'~:\xEF\xBB\xBF\xE5\xA4\xA7\xE5\x81\x9C\xE9\x9B\xBB\r\nContent-Length: 0\r\n"
	       "\r\n"),
	SAMPLE("3.1.1.3 esc01", SIP_PARSED,
	       "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0\r\nTo: sip:%75se%72@example.com\r\n"
	       "From: <sip:I%20have%20spaces@example.net>;tag=938\r\nMax-Forwards: 87\r\n"
	       "i: esc01.239409asdfakjkn23onasd0-3234\r\nCSeq: 234234 INVITE\r\n"
	       "Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw\r\nC: application/sdp\r\n"
	       "Contact:\r\n  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>\r\nl: 5\r\n\r\nv=0\r\n"),
	SAMPLE("3.1.1.4 escnull", SIP_PARSED,
	       "REGISTER sip:example.com SIP/2.0\r\nTo: sip:null-%00-null@example.com\r\n"
	       "From: sip:null-%00-null@example.com;tag=839923423\r\nMax-Forwards: 70\r\n"
	       "Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd\r\nCSeq: 14398234 REGISTER\r\n"
	       "Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw\r\nContact: <sip:%00@host5.example.com>\r\n"
	       "Contact: <sip:%00%00@host5.example.com>\r\nL:0\r\n\r\n"),
	SAMPLE("3.1.1.5 esc02", SIP_PARSED,
	       "RE%47IST%45R sip:registrar.example.com SIP/2.0\r\nTo: \"%Z%45\" <sip:resource@example.com>\r\n"
	       "From: \"%Z%45\" <sip:resource@example.com>;tag=f232jadfj23\r\n"
	       "Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf\r\n"
	       "Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234\r\nCSeq: 29344 RE%47IST%45R\r\n"
	       "Max-Forwards: 70\r\nContact: <sip:alias1@host1.example.com>\r\n"
	       "C%6Fntact: <sip:alias2@host2.example.com>\r\n"
	       "Contact: <sip:alias3@host3.example.com>\r\nl: 0\r\n\r\n"),
	SAMPLE("3.1.1.6 lwsdisp", SIP_PARSED,
	       "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
	       "From: caller<sip:caller@example.com>;tag=323\r\nMax-Forwards: 70\r\n"
	       "Call-ID: lwsdisp.1234abcd@funky.example.com\r\n"
	       "CSeq: 60 OPTIONS\r\nVia: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw\r\nl: 0\r\n\r\n"),
	SAMPLE("3.1.1.8 dblreq", SIP_PARSED,
	       "REGISTER sip:example.com SIP/2.0\r\nTo: sip:j.user@example.com\r\n"
	       "From: sip:j.user@example.com;tag=43251j3j324\r\n"
	       "Max-Forwards: 8\r\nI: dblreq.0ha0isndaksdj99sdfafnl3lk233412\r\n"
	       "Contact: sip:j.user@host.example.com\r\n"
	       "CSeq: 8 REGISTER\r\nVia: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492\r\nContent-Length: 0\r\n\r\n"
	       "\r\n"
	       "INVITE sip:joe@example.com SIP/2.0\r\nt: sip:joe@example.com\r\n\r\n"),
	SAMPLE("3.1.1.9 semiuri", SIP_PARSED,
	       "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0\r\nTo: sip:j_user@example.com\r\n"
	       "From: sip:caller@example.org;tag=33242\r\nMax-Forwards: 3\r\nCall-ID: semiuri.0ha0isndaksdj\r\n"
	       "CSeq: 8 OPTIONS\r\nAccept: application/sdp, application/pkcs7-mime,\r\n"
	       "        multipart/mixed, multipart/signed,\r\n"
	       "        message/sip, message/sipfrag\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw\r\nl: 0\r\n"
	       "\r\n"),
	SAMPLE("3.1.1.10 transports", SIP_PARSED,
	       "OPTIONS sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
	       "From: <sip:caller@example.com>;tag=323\r\n"
	       "Max-Forwards: 70\r\nCall-ID:  transports.kijh4akdnaqjkwendsasfdj\r\nAccept: application/sdp\r\n"
	       "CSeq: 60 OPTIONS\r\nVia: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw\r\n"
	       "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf\r\n"
	       "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj\r\n"
	       "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en\r\n"
	       "Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee\r\nl: 0\r\n\r\n"),
	SAMPLE("3.1.1.11 mpart01 (binary body)", SIP_PARSED,
	       "MESSAGE sip:kumiko@example.org SIP/2.0\r\n" COMMON("mpart01.d9a8dd", "1 MESSAGE")
	       "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\r\nContent-Length: 40\r\n\r\n"
	       "--7a\r\n\0\x01\xff\xfe\0\0\r\r\n\n\0INVITE sip:x SIP/2.0\r\n\r\n"),
	SAMPLE("3.1.1.12 unreason", SIP_PARSED,
	       "SIP/2.0 200 = 2**3 * 5**2 \xD0\xBD\xD0\xBE \xD1\x81\xD1\x82\xD0\xBE \xD0\xB4\xD0\xB5\r\n"
	       "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\nCall-ID: unreason.1234ksdfak3j2erwedfsASdf\r\n"
	       "CSeq: 35 INVITE\r\nFrom: sip:user@example.com;tag=11141343\r\nTo: sip:user@example.edu;tag=2229\r\n"
	       "Content-Length: 0\r\nContact: <sip:user@host198.example.com>\r\n\r\n"),
	SAMPLE("3.1.1.13 noreason", SIP_PARSED,
	       "SIP/2.0 100 \r\nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\r\n"
	       "Call-ID: noreason.asndj203insdf99223ndf\r\n"
	       "CSeq: 35 INVITE\r\nFrom: <sip:user@example.com>;tag=39ansfi3\r\n"
	       "To: <sip:user@example.edu>;tag=902jndnke3\r\n"
	       "Content-Length: 0\r\nContact: <sip:user@host105.example.com>\r\n\r\n"),
	SAMPLE("3.3.9 multi values of unknown headers", SIP_PARSED,
	       "OPTIONS sip:user@example.com SIP/2.0\r\n" COMMON("x1", "1 OPTIONS")
	       "Accept: text/plain\r\nAccept:\r\nX: 1\r\nX: 2\r\nl: 0\r\n\r\n"),
	SAMPLE("3.4.1 inv2543", SIP_PARSED,
	       "INVITE sip:UserB@example.com SIP/2.0\r\nVia: SIP/2.0/UDP iftgw.example.com\r\n"
	       "From: <sip:+13035551111@ift.client.example.net;user=phone>\r\n"
	       "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>\r\n"
	       "To: sip:+16505552222@ss1.example.net;user=phone\r\nCall-ID: inv2543.1717@ift.client.example.com\r\n"
	       "CSeq: 56 INVITE\r\nContent-Type: application/sdp\r\n\r\n"
	       "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.5\r\n"),
	SAMPLE("5118 4.1 IPv6 reference in the Request-URI", SIP_PARSED,
	       "REGISTER sip:[2001:db8::10] SIP/2.0\r\nTo: sip:user@example.com\r\n"
	       "From: sip:user@example.com;tag=81x2\r\n"
	       "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\r\nCall-ID: SSG9559905523997077@hlau_4100\r\n"
	       "Max-Forwards: 70\r\nContact: \"Caller\" <sip:caller@[2001:db8::1]>\r\nCSeq: 98176 REGISTER\r\n"
	       "Content-Length: 0\r\n\r\n"),
	SAMPLE("5118 4.3 port ambiguous", SIP_PARSED,
	       "REGISTER sip:[2001:db8::10:5070] SIP/2.0\r\n" COMMON("4.3", "98176 REGISTER") "Content-Length: 0\r\n"
	       "\r\n"),
	SAMPLE("5118 4.4 port unambiguous", SIP_PARSED,
	       "REGISTER sip:[2001:db8::10]:5070 SIP/2.0\r\n" COMMON("4.4", "98176 REGISTER") "Content-Length: 0\r\n"
	       "\r\n"),
	SAMPLE("5118 4.5 received without brackets", SIP_PARSED,
	       "OPTIONS sip:[2001:db8::10] SIP/2.0\r\nTo: sip:user@example.com\r\nFrom: sip:user@example.com;tag=81x2\r\n"
	       "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3\r\n"
	       "Call-ID: SSG95523997077@hlau_4100\r\nMax-Forwards: 70\r\nCSeq: 921 OPTIONS\r\nContent-Length: 0\r\n\r\n"),
	SAMPLE("5118 4.10 the third colon of RFC 3261's grammar", SIP_PARSED,
	       "OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0\r\n" COMMON("4.10", "98176 OPTIONS") "Content-Length: 0\r\n\r\n"),
	SAMPLE("5118 4.6, 4.8 addresses in SDP", SIP_PARSED,
	       "INVITE sip:user@[2001:db8::10] SIP/2.0\r\n" COMMON("4.6", "8612 INVITE")
	       "Contact: \"Caller\" <sip:caller@[2001:db8::20]>\r\nContent-Type: application/sdp\r\nContent-Length: 125\r\n\r\n"
	       "v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=Live video feed\r\nc=IN IP6 2001:db8::20\r\n"
	       "m=audio 6000 RTP/AVP 2\r\n"),
	SAMPLE("5118 4.5 received with brackets", SIP_PARSED,
	       "BYE sip:[2001:db8::10] SIP/2.0\r\nTo: sip:user@example.com;tag=bd76ya\r\n"
	       "From: sip:user@example.com;tag=81x2\r\n"
	       "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111\r\n"
	       "Call-ID: SSG9559905523997077@hlau_4100\r\nMax-Forwards: 70\r\nCSeq: 321 BYE\r\nContent-Length: 0\r\n"
	       "\r\n"),
	SAMPLE("5118 4.7 multiple families in Vias", SIP_PARSED,
	       "INVITE sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\n"
	       "From: sip:user@example.com;tag=81x2\r\n"
	       "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\r\n"
	       "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\r\n"
	       "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200\r\n"
	       "Call-ID: 997077@lau_4100\r\nMax-Forwards: 70\r\nCSeq: 8912 INVITE\r\nContent-Length: 0\r\n\r\n"),
	SAMPLE("5118 4.9 IPv4-mapped", SIP_PARSED,
	       "INVITE sip:user@[::ffff:192.0.2.10] SIP/2.0\r\n" COMMON("4.10", "8912 INVITE")
	       "Contact: \"T. desk phone\" <sip:ted@[::ffff:192.0.2.2]>\r\nContent-Length: 0\r\n\r\n"),
};

/* Broken in what a proxy needs or must check. */
static const struct sample broken[] = {
	SAMPLE("3.1.2.2 clerr", SIP_ANSWER_400,
	       "INVITE sip:user@example.com SIP/2.0\r\n" COMMON("clerr", "8 INVITE") "Content-Length: 9999\r\n\r\n"
	       "v=0\r\n"),
	SAMPLE("3.1.2.3 ncl", SIP_ANSWER_400,
	       "INVITE sip:user@example.com SIP/2.0\r\n" COMMON("ncl", "8 INVITE") "Content-Length: -999\r\n\r\n"
	       "v=0\r\n"),
	SAMPLE("3.1.2.4 scalar02", SIP_UNANSWERABLE,
	       "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3\r\n"
	       "To: <sip:user@example.com>\r\nFrom: <sip:user@example.com>;tag=239232jh3\r\n"
	       "CSeq: 36893488147419103232 REGISTER\r\nCall-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32\r\n"
	       "Max-Forwards: 300\r\nExpires: 10000000000000000000000000000000\r\nl: 0\r\n\r\n"),
	SAMPLE("3.1.2.6 quotbal", SIP_ANSWER_400,
	       "INVITE sip:user@example.com SIP/2.0\r\nTo: \"Mr. J. User <sip:j.user@example.com>\r\n"
	       "From: sip:caller@example.net;tag=93334\r\nMax-Forwards: 10\r\nCall-ID: quotbal.aksdj\r\n"
	       "CSeq: 8 INVITE\r\n"
	       "Via: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKkdjuw39234\r\nl: 0\r\n\r\n"),
	SAMPLE("3.1.2.8 lwsruri", SIP_UNANSWERABLE,
	       "INVITE sip:user@example.com; lr SIP/2.0\r\n" COMMON("lwsruri", "8 INVITE") "l: 0\r\n\r\n"),
	SAMPLE("3.1.2.16 badvers", SIP_ANSWER_505,
	       "OPTIONS sip:t.watson@example.org SIP/7.0\r\nVia:     SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw\r\n"
	       "Max-Forwards:     70\r\nFrom:    A. Bell <sip:a.g.bell@example.com>;tag=qweoiqpe\r\n"
	       "To:      T. Watson <sip:t.watson@example.org>\r\nCall-ID: badvers.31417@c.example.com\r\n"
	       "CSeq:    1 OPTIONS\r\nl: 0\r\n\r\n"),
	SAMPLE("3.1.2.17 mismatch01", SIP_ANSWER_400,
	       "OPTIONS sip:user@example.com SIP/2.0\r\n" COMMON("mismatch01", "8 INVITE") "l: 0\r\n\r\n"),
	SAMPLE("3.1.2.18 mismatch02", SIP_ANSWER_400,
	       "NEWMETHOD sip:user@example.com SIP/2.0\r\n" COMMON("mismatch02", "8 INVITE") "l: 0\r\n\r\n"),
	SAMPLE("3.1.2.19 bigcode", SIP_UNANSWERABLE,
	       "SIP/2.0 4294967301 better not break the receiver\r\n"
	       "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\r\n"
	       "Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i\r\nCSeq: 353494 INVITE\r\n"
	       "From: <sip:user@example.com>;tag=39ansfi3\r\nTo: <sip:user@example.edu>;tag=902jndnke3\r\n"
	       "Content-Length: 0\r\n\r\n"),
	SAMPLE("3.3.1 insuf", SIP_UNANSWERABLE,
	       "INVITE sip:user@example.com SIP/2.0\r\nCSeq: 193942 INVITE\r\n"
	       "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\nContent-Type: application/sdp\r\nl: 5\r\n\r\n"
	       "v=0\r\n"),
	SAMPLE("3.3.8 multi01", SIP_ANSWER_400,
	       "INVITE sip:user@company.com SIP/2.0\r\nContact: <sip:caller@host25.example.net>\r\n"
	       "Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw\r\nMax-Forwards: 70\r\nCSeq: 5 INVITE\r\n"
	       "Call-ID: multi01.98asdh@192.0.2.1\r\nCSeq: 59 INVITE\r\nCall-ID: multi01.98asdh@192.0.2.2\r\n"
	       "From: sip:caller@example.com;tag=3413415\r\nTo: sip:user@example.com\r\nTo: sip:other@example.net\r\n"
	       "From: sip:caller@example.net;tag=2923420123\r\nContent-Length: 0\r\n\r\n"),
	SAMPLE("3.3.9 mcl01", SIP_ANSWER_400,
	       "OPTIONS sip:user@example.com SIP/2.0\r\n" COMMON("mcl01", "59 OPTIONS")
	       "Content-Length: 13\r\nContent-Length: 5\r\n\r\nThere's no way to know how many octets.\r\n"),
	SAMPLE("5118 4.2 no brackets", SIP_UNANSWERABLE,
	       "REGISTER sip:2001:db8::10 SIP/2.0\r\n" COMMON("4.2", "98176 REGISTER") "Content-Length: 0\r\n\r\n"),
};

/* Broken in what is the endpoints' business: a proxy sends it on. */
static const struct sample others_business[] = {
	SAMPLE("3.1.2.1 badinv01 (Contact)", SIP_PARSED,
	       "INVITE sip:user@example.com SIP/2.0\r\n" COMMON("badinv01", "8 INVITE")
	       "Contact: \"Joe\" <sip:joe@example.org>;;;;\r\nl: 0\r\n\r\n"),
	SAMPLE("3.1.2.11 escruri (headers in Contact)", SIP_PARSED,
	       "INVITE sip:user@example.com SIP/2.0\r\n" COMMON("escruri", "8 INVITE")
	       "Contact: <sip:caller@example.org?Route=%3Csip:evil%3E>\r\nl: 0\r\n\r\n"),
	SAMPLE("3.1.2.12 baddate", SIP_PARSED,
	       "INVITE sip:user@example.com SIP/2.0\r\n" COMMON("baddate",
	       "8 INVITE") "Date: Fri, 01 Jan 2010 16:00:00 EST\r\nl: 0\r\n\r\n"),
	SAMPLE("3.3.7 regaut01 (unknown scheme)", SIP_PARSED,
	       "INVITE sip:user@example.com SIP/2.0\r\n" COMMON("regaut01", "8 INVITE")
	       "Authorization: NoOneKnowsThisScheme opaque-data=here\r\nl: 0\r\n\r\n"),
	SAMPLE("3.3.10 bcast", SIP_PARSED,
	       "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\n"
	       "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\n"
	       "Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf\r\n"
	       "CSeq: 35 INVITE\r\nFrom: sip:user@example.com;tag=11141343\r\nTo: sip:user@example.edu;tag=2229\r\n"
	       "Content-Length: 0\r\n\r\n"),
};

/* Whether every line of `text` but the first, the topmost Via and Max-Forwards is in `out`, body included. */
static bool all_there(const char *text, size_t len, const char *out, size_t out_len)
{
	const char *p = memchr(text, '\n', len), *end = text + len;
	while (p && ++p < end) {
		const char *q = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((q ? q + 1 : end) - p);
		bool ours = !strncasecmp(p, "Via", 3) || !strncasecmp(p, "v:", 2) || !strncasecmp(p, "Max-F",
		         5) || *p == ' ';
		if (!ours && !memmem(out, out_len, p, n))
			return false;
		p = q;
	}
	return true;
}

static void check(const struct sample *s, bool forwarded)
{
	struct sip_text *t = sip_text_parse_n(s->text, s->len);
	CU_ASSERT_EQUAL(t->parsed, s->parsed);
	if (t->parsed != s->parsed)
		printf("\n    %s: parsed as %d (%s)\n", s->name, t->parsed, t->why);
	if (forwarded && t->parsed == SIP_PARSED) {
		static char out[8192];
		struct writer w = writer_of(out, sizeof out);
		struct sip_forward f = {.via = "SIP/2.0/UDP 198.51.100.11:5060;branch=z9hG4bKours"};
		struct addr source;
		addr_parse(&source, "192.0.2.1", 5060);
		bool ok = t->m.status ? sip_write_response(&w, &t->m, NULL) : sip_write_request(&w, &t->m, &source, &f);
		size_t len = t->m.status || strstr(s->name, "dblreq") ? 0 : s->len;
		CU_ASSERT(ok);
		ok = all_there(s->text, len, out, writer_len(&w));
		CU_ASSERT(ok);
		if (!ok)
			printf("\n    %s: something is lost\n%.*s\n", s->name, (int)writer_len(&w), out);
	}
	sip_text_free(t);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_valid(void)
{
	for (unsigned i = 0; i < COUNT(valid); i++)
		check(&valid[i], true);
}

static void test_broken(void)
{
	for (unsigned i = 0; i < COUNT(broken); i++)
		check(&broken[i], false);
}

static void test_others_business(void)
{
	for (unsigned i = 0; i < COUNT(others_business); i++)
		check(&others_business[i], true);
}

static void test_wsinv_fields(void)
{
	struct sip_text *t = sip_text_parse_n(valid[0].text, valid[0].len);
	struct sip_via_view second;
	struct sip_uri_view route;
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_STRING_EQUAL(t->m.to_tag, "1918181833n");
	CU_ASSERT_STRING_EQUAL(t->m.from_tag, "98asjd8");
	CU_ASSERT_STRING_EQUAL(t->m.from_user, "jdrosen");
	CU_ASSERT_EQUAL(t->m.cseq, 9);
	CU_ASSERT_EQUAL(t->m.max_forwards, 68);
	CU_ASSERT_STRING_EQUAL(t->m.via.host, "192.0.2.2");
	CU_ASSERT_STRING_EQUAL(t->m.via.branch, "390skdjuw");
	CU_ASSERT(sip_msg_second_via(&t->m, &second));
	CU_ASSERT_STRING_EQUAL(second.host, "spindle.example.com");
	CU_ASSERT_STRING_EQUAL(second.branch, "z9hG4bK9ikj8");
	CU_ASSERT_EQUAL(t->m.routes, 1);
	CU_ASSERT(sip_msg_route(&t->m, 0, &route) && route.lr);
	sip_text_free(t);
}

/* 3.1.1.7: long values are values. */
static void test_longreq(void)
{
	char *text = malloc(20000), host[2000], tag[1500];
	memset(host, 'h', sizeof host - 1);
	memset(tag, 't', sizeof tag - 1);
	host[sizeof host - 1] = tag[sizeof tag - 1] = 0;
	int n = snprintf(text, 20000,
	                 "INVITE sip:user@example.com SIP/2.0\r\n"
	                 "To: \"I have a user name of extreme%s\" <sip:user@example.com:6000;u%s=v>\r\n"
	                 "F: sip:%s@example.net;tag=12982%s;unknown%s\r\nCall-ID: longreq.one%s\r\n"
	                 "CSeq: 3882340 INVITE\r\n"
	                 "Unknown-%s: unknown-%s-value\r\n"
	                 "V: SIP/2.0/TCP sip33.example.com;branch=z9hG4bK%s,SIP/2.0/UDP %s.example\r\n"
	                 "Max-Forwards: 70\r\nl: 0\r\n\r\n",
	                 host, tag, host, tag, host, tag, tag, host, tag, host);
	CU_ASSERT_FATAL(n > 15000 && n < 20000);
	struct sip_text *t = sip_text_parse_n(text, (size_t)n);
	CU_ASSERT_EQUAL_FATAL(t->parsed, SIP_PARSED);
	CU_ASSERT_EQUAL(strlen(t->m.from_tag), 5 + strlen(tag));
	CU_ASSERT_EQUAL(strlen(t->m.call_id), 11 + strlen(tag));
	CU_ASSERT_EQUAL(strlen(t->m.via.branch), 7 + strlen(tag));
	CU_ASSERT_EQUAL(strlen(t->m.from_user), strlen(host));
	struct sample s = {"3.1.1.7 longreq", text, (size_t)n, SIP_PARSED};
	sip_text_free(t);
	check(&s, false);
	free(text);
}

UNIT_MAIN("sip_torture", {"valid, however odd", test_valid}, {"broken for a proxy", test_broken},
          {"broken for others only", test_others_business}, {"the fields of wsinv", test_wsinv_fields},
          {"long values", test_longreq})
