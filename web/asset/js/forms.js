// Forms that send themselves, that are sent once, and card numbers that are easy to read.
document.addEventListener('change', (event) => {
  const form = event.target.closest?.('form[data-autosubmit]')
  if (form) form.requestSubmit()
})

document.addEventListener('submit', (event) => {
  const form = event.target
  if (!form.matches('[data-once]')) return
  if (form.dataset.sent) {
    event.preventDefault()
    return
  }
  form.dataset.sent = 'yes'
  form.querySelector('[type=submit]').classList.add('is-busy')
})

// A page that comes back from the browser's memory can be sent again.
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) {
    delete form.dataset.sent
    form.querySelector('[type=submit]').classList.remove('is-busy')
  }
})

// What the shop would refuse is said before it is sent.
document.addEventListener('change', (event) => {
  const { target } = event
  if (!target.dataset?.most) return
  const tooLarge = [...target.files].some((file) => file.size > Number(target.dataset.most))
  target.setCustomValidity(tooLarge ? `A picture must have at most ${Math.floor(target.dataset.most / 1000)} kB.` : '')
  target.reportValidity()
})

const grouped = {
  'payment.card_number': (text) => text.replace(/\D/g, '').slice(0, 19).replace(/(.{4})(?=.)/g, '$1 '),
  'payment.expiry': (text) => text.replace(/[^\d/]/g, '').replace(/^(\d\d)(?=\d)/, '$1/').slice(0, 5),
}

document.addEventListener('input', (event) => {
  const { target } = event
  const group = grouped[target.name]
  // Only what is typed at the end, so that the caret never jumps.
  if (!group || event.inputType?.startsWith('delete') || target.selectionEnd !== target.value.length) return
  target.value = group(target.value)
})
