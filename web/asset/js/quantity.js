// Quantities in the cart are saved as they are typed, and the sums follow. Whatever leaves
// the page meanwhile waits until they are saved: nothing that was typed is lost.
import { toast } from './toast.js'

const form = document.querySelector('[data-cart-form]')
const releaseTime = 50
const longestPress = 1000

let saving = null
let pressing = false
let direct = false // the form goes as it is

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time))

// show takes over what another page says of the same cart, and reports whether it can.
function show(page) {
  const parts = [...document.querySelectorAll('[data-part]')]
  const next = parts.map((part) => page.querySelector(`[data-part="${part.dataset.part}"]`))
  const lines = (root) => [...root.querySelectorAll('[name=line]')].map((line) => line.value).join()
  if (lines(document) !== lines(page) || next.includes(null)) return false
  parts.forEach((part, i) => part.replaceChildren(...next[i].childNodes))
  const was = page.querySelectorAll('[name=was]')
  form.querySelectorAll('[name=was]').forEach((field, i) => {
    field.value = was[i].value
  })
  const [badge, count] = [document, page].map((root) => root.querySelector('[data-cart-count]'))
  badge.textContent = count.textContent
  badge.className = count.className
  return true
}

async function save() {
  let answer
  let text
  try {
    answer = await fetch(form.action, {
      method: 'POST',
      body: new URLSearchParams(new FormData(form)),
      keepalive: true,
      signal: AbortSignal.timeout(10_000),
    })
    text = await answer.text()
  } catch {
    // It stays typed, and goes along with the next change or to the checkout.
    toast('The quantity could not be saved. Please check your connection.', { bad: true })
    return
  }
  // What is being pressed must stay under the finger.
  for (let waited = 0; pressing && waited < longestPress; waited += releaseTime) await pause(releaseTime)
  if (answer.ok && show(new DOMParser().parseFromString(text, 'text/html'))) return
  direct = true // its page says what is wrong
  form.requestSubmit()
}

if (form) {
  form.addEventListener('change', (event) => {
    if (event.target.name !== 'quantity' || !form.checkValidity()) return
    if (form.querySelector('.is-invalid')) {
      direct = true // the page says what is wrong, and is made anew
      form.requestSubmit()
      return
    }
    const now = (saving ?? Promise.resolve()).then(save)
    saving = now
    now.finally(() => {
      if (saving === now) saving = null
    })
  })
  addEventListener('pointerdown', () => (pressing = true), true)
  for (const end of ['pointerup', 'pointercancel']) {
    addEventListener(end, () => setTimeout(() => (pressing = false), releaseTime), true)
  }
  document.addEventListener('click', async (event) => {
    const link = event.target.closest?.('a[href]')
    if (!saving || direct || !link || event.defaultPrevented || event.button !== 0) return
    if (event.ctrlKey || event.metaKey || event.shiftKey || link.target === '_blank') return
    event.preventDefault()
    await saving
    if (!direct) location.assign(link.href)
  })
  document.addEventListener('submit', async (event) => {
    if (!saving || direct || event.defaultPrevented) return
    event.preventDefault()
    await saving
    if (!direct) event.target.requestSubmit(event.submitter)
  })
}
