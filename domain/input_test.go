package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func fieldsOf(t *testing.T, err error) []string {
	if err == nil {
		return nil
	}
	var e *domain.Error
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, domain.ErrInvalid)
	var names []string
	for name := range e.Fields {
		names = append(names, name)
	}
	return names
}

func TestRegistration_Check(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		r     domain.Registration
		wrong []string
	}{
		"good":               {domain.Registration{Username: "ann_b.c-1", Email: "a.b+c@sub.example.com", Password: "eight ch"}, nil},
		"nothing":            {domain.Registration{}, []string{"username", "email", "password"}},
		"an e-mail as name":  {domain.Registration{Username: "a@b.example", Email: "a@b.example", Password: "tulips and rain"}, []string{"username"}},
		"dots at the end":    {domain.Registration{Username: "ann.", Email: "a@b.example", Password: "tulips and rain"}, []string{"username"}},
		"spaces in the mail": {domain.Registration{Username: "ann", Email: "a b@b.example", Password: "tulips and rain"}, []string{"email"}},
		"two mails":          {domain.Registration{Username: "ann", Email: "a@b.example,c@d.example", Password: "tulips and rain"}, []string{"email"}},
		"a header in mail":   {domain.Registration{Username: "ann", Email: "a@b.example\r\nBcc: c@d.example", Password: "tulips and rain"}, []string{"email"}},
		"a blank in mail":    {domain.Registration{Username: "ann", Email: "a\u00a0b@b.example", Password: "tulips and rain"}, []string{"email"}},
		"unseen in the mail": {domain.Registration{Username: "ann", Email: "a\u200b@b.example", Password: "tulips and rain"}, []string{"email"}},
		"turned in the mail": {domain.Registration{Username: "ann", Email: "\u202emoc.live@b.example", Password: "tulips and rain"}, []string{"email"}},
		"letters of others":  {domain.Registration{Username: "ann", Email: "jürgen.o'brien+x@b.example", Password: "pässwörd"}, nil},
		"too short":          {domain.Registration{Username: "an", Email: "a@b.example", Password: "1234567"}, []string{"username", "password"}},
		"too long":           {domain.Registration{Username: long, Email: long + "@b.example", Password: long}, []string{"username", "email", "password"}},
		"a zero byte":        {domain.Registration{Username: "a\x00nn", Email: "a\x00@b.example", Password: "1234\x005678"}, []string{"username", "email", "password"}},
	} {
		t.Run(name, func(t *testing.T) { assert.ElementsMatch(t, c.wrong, fieldsOf(t, c.r.Check())) })
	}
}

func TestQuery_Check(t *testing.T) {
	for name, c := range map[string]struct {
		q     domain.Query
		wrong []string
	}{
		"everything":         {domain.Query{}, nil},
		"all filters":        {domain.Query{Text: "blue tea", Category: "tea", Subcategory: "green", MinPrice: 1, MaxPrice: 2, InStock: true, Sort: domain.ByPriceDown}, nil},
		"an unknown order":   {domain.Query{Sort: "cheapest"}, []string{"sort"}},
		"prices swapped":     {domain.Query{MinPrice: 2, MaxPrice: 1}, []string{"max_price"}},
		"prices below zero":  {domain.Query{MinPrice: -2, MaxPrice: -1}, []string{"min_price", "max_price"}},
		"no slug":            {domain.Query{Category: "Tea & Co", Subcategory: "a--b"}, []string{"category", "kind"}},
		"a text for a novel": {domain.Query{Text: strings.Repeat("tea ", 100)}, []string{"q"}},
		"a zero byte":        {domain.Query{Text: "te\x00a"}, []string{"q"}},
		"no UTF-8":           {domain.Query{Text: "te\xffa"}, []string{"q"}},
	} {
		t.Run(name, func(t *testing.T) { assert.ElementsMatch(t, c.wrong, fieldsOf(t, c.q.Check())) })
	}
}

func TestNewPage(t *testing.T) {
	page, err := domain.NewPage(0, 0)
	require.NoError(t, err)
	assert.Equal(t, domain.Page{Number: 1, Size: domain.DefaultPageSize}, page)
	page, err = domain.NewPage(3, 1_000_000)
	require.NoError(t, err)
	assert.Equal(t, domain.Page{Number: 3, Size: domain.MaxPageSize}, page)
	assert.Equal(t, 200, page.Offset())
	assert.Equal(t, 2, page.Pages(101))
	_, err = domain.NewPage(-1, -1)
	assert.ElementsMatch(t, []string{"page", "per_page"}, fieldsOf(t, err))
	_, err = domain.NewPage(1<<60, 1)
	assert.ElementsMatch(t, []string{"page"}, fieldsOf(t, err))
}

func TestContact_Check(t *testing.T) {
	good := domain.Contact{Name: "Ann", Email: "ann@example.com", Subject: "Tea", Message: "Is it\nfresh?"}
	require.NoError(t, good.Check())
	good.CallBack = true
	assert.Equal(t, []string{"phone"}, fieldsOf(t, good.Check()), "who wants to be called says where")
	good.Phone = "555-0100"
	require.NoError(t, good.Check())
	assert.ElementsMatch(t, []string{"name", "email", "subject", "message"}, fieldsOf(t, domain.Contact{}.Check()))
}

func TestContact_CheckTakesTelephoneNumbersAsPeopleWriteThem(t *testing.T) {
	for _, number := range []string{
		"(555) 123-4567", "+1 (555) 123-4567", "(+49) 30 901820", "+(49) 30 901820", "(02) 9374 4000", "020 7946 0000", "0171/555.01.99", "555-0100",
	} {
		c := domain.Contact{Name: "Ann", Email: "ann@example.com", Subject: "Tea", Message: "Is it fresh?", Phone: number}
		assert.NoError(t, c.Check(), number)
	}
	for _, number := range []string{"12345", "()", "+", "(555) 123-", "call me", "555 0100 x 12", "٠١٢٣٤٥٦٧", "555-0100\n", strings.Repeat("1", 31)} {
		c := domain.Contact{Name: "Ann", Email: "ann@example.com", Subject: "Tea", Message: "Is it fresh?", Phone: number}
		assert.Equal(t, []string{"phone"}, fieldsOf(t, c.Check()), number)
	}
}

func TestContact_CheckWantsTextThatCanBeSeen(t *testing.T) {
	for _, text := range []string{"", " ", "\u00a0\u3000", "\u200b", "\u202e\u2066 \ufeff", "\u00ad"} {
		c := domain.Contact{Name: text, Email: "ann@example.com", Subject: text, Message: text}
		assert.ElementsMatch(t, []string{"name", "subject", "message"}, fieldsOf(t, c.Check()), "%q", text)
	}
	for _, text := range []string{"李", "Nguye\u0302\u0303n", "محمد", "دانيال", "O’Brien", "👩\u200d💻", "می\u200cخواهم"} {
		c := domain.Contact{Name: text, Email: "ann@example.com", Subject: text, Message: text}
		assert.NoError(t, c.Check(), "%q", text)
	}
	for _, text := range []string{"a\nb", "a\u2028b", "a\u2029b"} {
		c := domain.Contact{Name: text, Email: "ann@example.com", Subject: text, Message: text}
		assert.ElementsMatch(t, []string{"name", "subject"}, fieldsOf(t, c.Check()), "%q is more than a line", text)
	}
}

func TestJoinFields(t *testing.T) {
	a := domain.InvalidFields(map[string]string{"a": "is wrong"})
	b := domain.InvalidFields(map[string]string{"b": "is wrong"})
	assert.ElementsMatch(t, []string{"a", "b"}, fieldsOf(t, domain.JoinFields(a, nil, b)))
	assert.NoError(t, domain.JoinFields(nil, nil))
	other := domain.ErrNotFound.Errorf(domain.CodeNotFound, "gone")
	assert.ErrorIs(t, domain.JoinFields(a, other), domain.ErrNotFound)
}

func TestUser_CheckPassword(t *testing.T) {
	u := domain.User{Username: "anna.lee", Email: "annika@mail.example"}
	for _, bad := range []string{
		"password", "PASSWORD", "Password123", "12345678", "1234567890", "qwertyuiop", "iloveyou", "1q2w3e4r", "trustno1", "letmein1",
		"aaaaaaaa", "        ", "abababab", "ababababababab", "1111111111111111", "短い短い短い短い",
		"anna.lee", "ANNA.LEE", "Anna.Lee2026", "annika@mail.example", "annika@mail.example1", "annika2026!", "eshop123", "EShop2026!", "eshopeshop", "anna.leeeshop1",
		"seven77", "1234\x005678", "\xffabcdefgh", strings.Repeat("abcdefgh", 40),
	} {
		err := u.CheckPassword("new", bad)
		require.ErrorIs(t, err, domain.ErrInvalid, "%q", bad)
		assert.Equal(t, []string{"new"}, fieldsOf(t, err), "%q", bad)
	}
	for _, good := range []string{"tulips and rain", "correct horse", "anna.lee likes tulips", "eshop opens late", "pässwörd", "パスワードは長い方がいい", "x7#kQ!p2"} {
		assert.NoError(t, u.CheckPassword("new", good), "%q", good)
	}
	short := domain.User{Username: "ab", Email: "a@b.example"}
	require.NoError(t, short.CheckPassword("new", "cabbage a la carte"), "one letter is no name to look for")
}

func TestIsReserved(t *testing.T) {
	for _, name := range []string{
		"eshop", "Eshop", "E-Shop", "e.shop", "eshop24", "eshop-help", "esh0p", "support", "SUPPORT", "supp0rt", "support7", "anna-support", "support.anna",
		"staff", "staff_1", "admin", "Administrator", "adm1n", "admln", "admin2", "ad-min", "sysadmin", "guest", "Guest", "guest42", "system", "5ystem", "root",
		"noreply", "no-reply", "customer-service", "the.eshop", "he1pdesk",
	} {
		assert.True(t, domain.IsReserved(name, ""), name)
	}
	for _, name := range []string{"anna", "bikeshop", "supporter", "helper", "john_doe", "jane_smith", "systematic", "rooty", "guestav", "bot4nist", "teamo"} {
		assert.False(t, domain.IsReserved(name, ""), name)
	}
	for _, name := range []string{"kettleandco", "Kettle-Co", "kettle.co", "kett1eco7", "kettleco_2"} {
		assert.Equal(t, name != "kettleandco", domain.IsReserved(name, "Kettle & Co"), name)
	}
	for _, name := range []string{"teahouse", "t-shirt", "anna"} {
		assert.False(t, domain.IsReserved(name, "T"), name)
		assert.False(t, domain.IsReserved(name, "Tea"), name)
	}
	assert.True(t, domain.IsReserved("the_tea_shop", "Tea"))
}

func TestContact_Check_HiddenCharacters(t *testing.T) {
	send := func(name string) error {
		return domain.Contact{Name: name, Email: "a@b.example", Subject: "About " + name, Message: "Hello.\u200e There."}.Check()
	}
	for _, bad := range []string{"Anna\u202egro.live", "\u2066Anna", "Anna\u200b", "Anna\u200f", "An\u00adna", "\ufeffAnna", "\u200dAnna", "Anna\u200c", "An\u200d na", "An\u200d\u200dna", "A\U000e0041nna"} {
		assert.ElementsMatch(t, []string{"name", "subject"}, fieldsOf(t, send(bad)), "%q", bad)
	}
	for _, good := range []string{"Zoë O'Neil", "می\u200cخواهم", "👩\u200d👧 Lee", "क्\u200dष"} {
		assert.NoError(t, send(good), "%q", good)
	}
}
