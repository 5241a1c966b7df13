// Adds to the cart and to the wishlist without leaving the page. What cannot be sent
// this way is sent as the form that it is: its token keeps it from counting twice.
import { toast } from './toast.js'
import { inTurn } from './turn.js'

async function send(form, path, body, headers = {}) {
  const button = form.querySelector('[type=submit]')
  button.disabled = true
  try {
    const answer = await inTurn(() =>
      fetch(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      }),
    )
    return { ok: answer.ok, status: answer.status, body: await answer.json() }
  } finally {
    button.disabled = false
  }
}

// randomUUID is missing on pages that came without TLS.
function newToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function showCount(n) {
  for (const badge of document.querySelectorAll('[data-cart-count]')) {
    badge.textContent = n
    badge.classList.toggle('is-empty', n === 0)
  }
}

function complain(body) {
  const fields = Object.values(body.fields ?? {})
  const text = fields.length > 0 ? `The quantity ${fields[0]}` : (body.detail ?? 'That did not work')
  toast(text[0].toUpperCase() + text.slice(1) + '.', { bad: true })
}

async function add(form) {
  const { product_id, token, quantity } = form.elements
  const n = quantity ? Number(quantity.value) : 1
  const answer = await send(form, '/api/cart/add', { product_id: product_id.value, quantity: n }, { 'Idempotency-Key': token.value })
  if (!answer.ok) {
    complain(answer.body)
    return
  }
  token.value = newToken()
  showCount(answer.body.cart.item_count)
  const { name } = answer.body.cart.items.find((item) => item.product.id === product_id.value).product
  toast(`Added: ${name}`, { link: '/cart', label: 'To the cart' })
}

async function wish(form) {
  const answer = await send(form, '/api/wishlist/add', { product_id: form.elements.product_id.value })
  if (!answer.ok) {
    complain(answer.body)
    return
  }
  toast('Saved for later', { link: '/wishlist', label: 'To the wishlist' })
}

document.addEventListener('submit', (event) => {
  const form = event.target
  const todo = form.matches('[data-add]') ? add : form.matches('[data-wish-form]') ? wish : null
  if (!todo) return
  event.preventDefault()
  todo(form).catch(() => form.submit())
})
