package usecase

import (
	"crypto/hmac"
	"slices"
	"strings"

	"eshop/domain"
)

// A device on which somebody signed in keeps a key for each account (device cookies, as OWASP
// describes them). It opens nothing: a password that is tried with it is counted for this device
// alone, so that strangers who try passwords lock nobody out of their own.

// mostDeviceKeys bounds the accounts of one device, as of a family.
const mostDeviceKeys = 4

// deviceKey is a name of the device and a MAC by which nobody else makes one for the account.
func (a *Account) deviceKey(user domain.UserID, name string) string {
	return name + "~" + a.deps.SecretKey.derive("device of an account", string(user)+"\x00"+name)
}

// keyOfDevice returns which of the device's keys is one of the account; "" when none is.
func (a *Account) keyOfDevice(keys string, user domain.UserID) string {
	if user == "" {
		return ""
	}
	for _, key := range splitKeys(keys) {
		name, _, ok := strings.Cut(key, "~")
		if ok && hmac.Equal([]byte(key), []byte(a.deviceKey(user, name))) {
			return key
		}
	}
	return ""
}

// withKey returns the device's keys with one of the account, which comes first.
func (a *Account) withKey(keys string, user domain.UserID) string {
	all := splitKeys(keys)
	key := a.keyOfDevice(keys, user)
	if key == "" {
		key = a.deviceKey(user, a.deps.NewSecret())
	} else {
		all = slices.DeleteFunc(all, func(k string) bool { return k == key })
	}
	all = append([]string{key}, all...)
	return strings.Join(all[:min(len(all), mostDeviceKeys)], ".")
}

func splitKeys(keys string) []string {
	if keys == "" {
		return nil
	}
	// What is longer was not made here.
	all := strings.SplitN(keys, ".", mostDeviceKeys+1)
	return all[:min(len(all), mostDeviceKeys)]
}
