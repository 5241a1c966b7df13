// Suggestions under the search field while somebody types: a combobox as the ARIA
// Authoring Practices describe it.
const form = document.querySelector('[data-search]')
const field = form.querySelector('input')
const list = form.querySelector('.suggestions')
const typingPause = 120

list.setAttribute('role', 'listbox')
list.setAttribute('aria-label', 'Suggestions')
for (const [name, value] of Object.entries({ role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list.id })) {
  field.setAttribute(name, value)
}

let timer
let request
let shownFor = ''

function close() {
  clearTimeout(timer)
  request?.abort()
  list.hidden = true
  shownFor = ''
  field.setAttribute('aria-expanded', 'false')
  field.removeAttribute('aria-activedescendant')
}

async function ask() {
  const text = field.value.trim()
  if (text === shownFor) return
  request?.abort()
  if (text.length < 2) {
    close()
    return
  }
  request = new AbortController()
  let found
  try {
    const answer = await fetch('/search/suggest?' + new URLSearchParams({ q: text }), { signal: request.signal })
    if (!answer.ok) return
    found = await answer.text()
  } catch {
    return
  }
  if (document.activeElement !== field) return
  // Ours, from this server, with every text escaped there.
  list.innerHTML = found
  shownFor = text
  list.hidden = list.childElementCount === 0
  field.setAttribute('aria-expanded', String(!list.hidden))
  field.removeAttribute('aria-activedescendant')
}

const chosen = () => list.querySelector('[aria-selected=true]')

function choose(step) {
  const options = [...list.children]
  const from = options.indexOf(chosen())
  chosen()?.setAttribute('aria-selected', 'false')
  // One place before the first is the field itself.
  const to = ((from + 1 + step + options.length + 1) % (options.length + 1)) - 1
  if (to < 0) {
    field.removeAttribute('aria-activedescendant')
    return
  }
  options[to].setAttribute('aria-selected', 'true')
  options[to].scrollIntoView({ block: 'nearest' })
  field.setAttribute('aria-activedescendant', options[to].id)
}

field.addEventListener('input', () => {
  clearTimeout(timer)
  timer = setTimeout(ask, typingPause)
})

field.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !list.hidden) {
    event.preventDefault()
    close()
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    if (list.hidden) {
      ask()
      return
    }
    event.preventDefault()
    choose(event.key === 'ArrowDown' ? 1 : -1)
  } else if (event.key === 'Enter' && !list.hidden && chosen()) {
    event.preventDefault()
    location.assign(chosen().href)
  }
})

// A press on a suggestion must not take the focus first, which would close the list.
list.addEventListener('mousedown', (event) => event.preventDefault())
field.addEventListener('blur', close)
