// The program runs the checks it is told to run with go-zookeeper/zk and prints one JSON line for each.
//
//	go-checks HOSTS PROXY PREFIX CHECK...     the checks
//	go-checks victim HOSTS PATH TIMEOUT_MS    a client for others to freeze or kill
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	arguments := os.Args[1:]
	if arguments[0] == "victim" {
		beVictim(arguments[1], arguments[2], arguments[3])
		return
	}
	known := map[string]func(*place) string{}
	for _, checks := range []map[string]func(*place){nodeChecks, watchChecks, accessChecks, sessionChecks, recipeChecks} {
		for name, check := range checks {
			known[name] = silent(check)
		}
	}
	known["config"] = config
	for _, name := range arguments[3:] {
		check, isKnown := known[name]
		if !isKnown {
			check = func(*place) string { panic(failure("the Go program has no such check")) }
		}
		p := &place{hosts: strings.Split(arguments[0], ","), proxy: arguments[1]}
		p.path = fmt.Sprintf("%s-%s", arguments[2], name)
		run(name, check, p)
	}
}

// silent is a check whose line needs no detail.
func silent(check func(*place)) func(*place) string {
	return func(p *place) string {
		check(p)
		return ""
	}
}

func missing(what string) func(*place) {
	return func(*place) { panic(notAvailable("go-zookeeper/zk 1.0.4 has no call " + what)) }
}
