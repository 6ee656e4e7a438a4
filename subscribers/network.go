package subscribers

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of the proxies in front of the pages. What others say
// of whom they speak for is not believed.
type Proxies []netip.Prefix

// Network names the network that a request comes from: /24 of IPv4, /48 of IPv6,
// which is what one household or company usually has to itself.
func (p Proxies) Network(r *http.Request) string {
	from := p.client(r)
	bits := 48
	if from.Is4() {
		bits = 24
	}
	prefix, err := from.Prefix(bits)
	if err != nil || !from.IsValid() {
		return "unknown"
	}
	return prefix.String()
}

// client is the address of who asks: the last in X-Forwarded-For that is not one
// of ours, as each proxy appends who spoke to it.
func (p Proxies) client(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	from, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	from = from.Unmap().WithZone("")
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(said) - 1; i >= 0 && p.trust(from); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(said[i]))
		if err != nil {
			break
		}
		from = next.Unmap().WithZone("")
	}
	return from
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, proxy := range p {
		if proxy.Contains(a) {
			return true
		}
	}
	return false
}
