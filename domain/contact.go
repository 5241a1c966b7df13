package domain

import "time"

// ContactID names a message to the shop.
type ContactID string

// Contact is a message to the shop, or the wish to be called back.
type Contact struct {
	ID       ContactID
	Name     string
	Email    string
	Subject  string
	Message  string
	Phone    string
	CallBack bool
	SentAt   time.Time
	// DoneAt is when DoneBy, somebody of the staff, saw to it; zero until then.
	DoneAt time.Time
	DoneBy string
}

// Done reports whether somebody saw to the message.
func (c Contact) Done() bool { return !c.DoneAt.IsZero() }

// Check says what is wrong with c, by field.
func (c Contact) Check() error {
	wrong := fieldErrors{}
	for name, text := range map[string]string{
		"name": line(c.Name, 1, 100), "email": checkEmail(c.Email),
		"subject": line(c.Subject, 1, 200), "message": paragraph(c.Message, 1, 4000),
	} {
		if text != "" {
			wrong.add(name, text)
		}
	}
	if c.Phone != "" && !phone.MatchString(c.Phone) {
		wrong.add("phone", "must be a telephone number")
	}
	if c.CallBack && c.Phone == "" {
		wrong.add("phone", "must be given to be called back")
	}
	return wrong.err()
}
