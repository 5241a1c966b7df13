// What was typed and is not known to be kept yet. It outlives the page, is sent in order, and
// each message bears its own id, so that sending it again never says it twice.
import { inTurn } from './turn.js'

const retryPause = [1000, 2000, 4000, 8000, 15_000]

// newID is crypto.randomUUID, which is missing on pages that came without TLS.
export function newID() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}

function load(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? []
  } catch {
    return []
  }
}

export function openOutbox({ key, address, kept, refused, waits }) {
  let letters = load(key)
  let busy = false
  let tries = 0
  let timer

  function save() {
    try {
      if (letters.length > 0) sessionStorage.setItem(key, JSON.stringify(letters))
      else sessionStorage.removeItem(key)
    } catch {
      // Without storage they last as long as the page.
    }
  }

  function drop(id) {
    letters = letters.filter((letter) => letter.client_id !== id)
    save()
  }

  function later(pause) {
    clearTimeout(timer)
    timer = setTimeout(send, pause ?? retryPause[Math.min(tries++, retryPause.length - 1)])
    waits(true)
  }

  async function send() {
    clearTimeout(timer)
    if (busy || letters.length === 0) return
    busy = true
    const letter = letters[0]
    let answer
    let body
    try {
      answer = await inTurn(() =>
        fetch(address, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(letter),
          signal: AbortSignal.timeout(10_000),
        }),
      )
      body = await answer.json()
    } catch {
      // It may have arrived or not: sending it again does no harm.
    }
    busy = false
    if (answer?.ok && body?.message) {
      tries = 0
      drop(letter.client_id)
      waits(false)
      kept(body.message)
      send()
    } else if (!answer || answer.status >= 500 || !body) {
      later()
    } else if (answer.status === 429) {
      later(1000 * Number(answer.headers.get('Retry-After') ?? 1))
    } else {
      drop(letter.client_id)
      refused(letter, body)
      send()
    }
  }

  addEventListener('online', () => {
    tries = 0
    send()
  })

  return {
    get letters() {
      return letters
    },
    put(body) {
      const letter = { client_id: newID(), body }
      letters.push(letter)
      save()
      send()
      return letter
    },
    // arrived forgets a message that came back from the shop.
    arrived(id) {
      if (letters.some((letter) => letter.client_id === id)) {
        drop(id)
        if (letters.length === 0) waits(false)
      }
    },
    flush: send,
  }
}
