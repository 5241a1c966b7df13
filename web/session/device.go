package session

import (
	"strings"
	"unicode"
)

// mostDevice bounds the name of a device, in bytes.
const mostDevice = 60

// The names of programs and systems by what their User-Agent has. The first one that
// is found holds: many name themselves as others too.
var (
	programs = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// device is what people call the program with that User-Agent, such as "Firefox on Linux".
func device(userAgent string) string {
	program, system := firstOf(programs, userAgent), firstOf(systems, userAgent)
	switch {
	case program != "" && system != "":
		return program + " on " + system
	case program != "":
		return program
	}
	name, _, _ := strings.Cut(userAgent, " ")
	name, _, _ = strings.Cut(name, "/")
	name = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, name)
	if name == "" {
		return "Unknown device"
	}
	return name[:min(len(name), mostDevice)]
}

func firstOf(names [][2]string, userAgent string) string {
	for _, name := range names {
		if strings.Contains(userAgent, name[0]) {
			return name[1]
		}
	}
	return ""
}
