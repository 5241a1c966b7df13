// A conversation on a page: its messages, the form, how the connection is. The same for a shopper and
// for staff. Everything that people typed is put in as text, never as markup.
import { unattended } from './line.js'
import { openOutbox } from './outbox.js'

const typingShows = 5000
const typingEvery = 2500
const pollEvery = 5000
const webAddress = /https?:\/\/[^\t\n\f\r <>"`]+/g
// An address whose host is what it looks like, and what makes an address read as another.
const plainHost = /^https?:\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?([/?#]|$)/
const misleading = /[\p{Cf}\p{Z}]/u

// linked is text with its web addresses as links, by the same rules as the server's.
function linked(text) {
  const parts = []
  let end = 0
  for (const match of text.matchAll(webAddress)) {
    const found = match[0].replace(/[.,;:!?'*_~)\]}]+$/, '')
    if (found.length > 500 || !URL.canParse(found) || !plainHost.test(found) || misleading.test(found)) continue
    const link = document.createElement('a')
    link.href = found
    link.rel = 'nofollow noopener noreferrer ugc'
    link.target = '_blank'
    link.textContent = found
    parts.push(text.slice(end, match.index), link)
    end = match.index + found.length
  }
  parts.push(text.slice(end))
  return parts
}

function element(name, className, ...content) {
  const made = document.createElement(name)
  made.className = className
  made.append(...content)
  return made
}

export function clock(at) {
  const time = element('time', 'message-time')
  time.dateTime = at
  return readable(time)
}

// readable shows a time as the reader's own clock has it.
function readable(time) {
  const at = new Date(time.dateTime)
  const today = at.toDateString() === new Date().toDateString()
  time.textContent = at.toLocaleString([], today ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
  time.title = at.toLocaleString()
  return time
}

export function readableTimes(root) {
  for (const time of root.querySelectorAll('time.message-time')) readable(time)
}

export function openTalk(root, { side, sendTo, changed }) {
  const log = root.querySelector('[data-talk-log]')
  const list = root.querySelector('[data-talk-messages]')
  const form = root.querySelector('[data-talk-form]')
  const field = form?.elements.body
  const typing = root.querySelector('[data-talk-typing]')
  const lineWords = root.querySelector('[data-talk-line]')

  const talk = {
    conversation: root.dataset.conversation,
    last: 0, // the number of the last message that is shown
    read: Number(root.dataset.read), // how far the other side has read
    line: undefined,
  }
  for (const item of list.children) talk.last = Math.max(talk.last, Number(item.dataset.seq))
  readableTimes(root)

  const outbox =
    form &&
    openOutbox({
      key: `chat-outbox:${sendTo}`,
      address: sendTo,
      kept(message) {
        outbox.arrived(message.client_id)
        // Those before it are on their way over the line, which shows them in order.
        if (message.conversation === talk.conversation && message.seq === talk.last + 1) talk.add(message)
        changed?.(message)
      },
      refused(letter, problem) {
        const item = itemOf(letter.client_id)
        const why = Object.values(problem.fields ?? {})[0] ?? problem.detail ?? 'that did not work'
        if (item) mark(item, `Not sent: ${why}`).classList.add('is-bad')
      },
      waits(waiting) {
        root.classList.toggle('has-unsent', waiting)
      },
    })

  const itemOf = (id) => list.querySelector(`[data-client-id="${CSS.escape(id)}"]`)
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80
  const toEnd = () => (log.scrollTop = log.scrollHeight)

  function mark(item, words) {
    let place = item.querySelector('[data-mark]')
    if (!place) {
      place = element('p', 'message-mark')
      place.dataset.mark = ''
      item.append(place)
    }
    place.textContent = words
    return place
  }

  function marks() {
    for (const item of list.querySelectorAll('.is-mine[data-seq]')) {
      mark(item, Number(item.dataset.seq) <= talk.read ? 'Read' : 'Sent')
    }
  }

  function draw({ from, body, at }) {
    const mine = from.role === side
    const item = element('li', 'message')
    item.classList.toggle('is-mine', mine)
    if (from.role === 'system') {
      item.classList.add('is-system')
      item.append(element('p', 'message-note', `${body} `, clock(at)))
      return item
    }
    const name = mine && side === 'customer' ? 'You' : from.name
    item.append(element('p', 'message-head', element('span', 'message-name', name), clock(at)), element('p', 'message-body', ...linked(body)))
    return item
  }

  // unsent shows what is in the outbox, after everything that was said.
  function unsent(letter) {
    const item = draw({ from: { role: side, name: root.dataset.me ?? 'You' }, body: letter.body, at: new Date().toISOString() })
    item.dataset.clientId = letter.client_id
    item.classList.add('is-unsent')
    mark(item, 'Sending…')
    list.append(item)
  }

  talk.add = (message) => {
    if (message.seq <= talk.last) return
    if (message.seq > talk.last + 1) {
      talk.fill()
      return
    }
    const follow = atEnd() || message.from.role === side
    talk.last = message.seq
    outbox?.arrived(message.client_id)
    // What was shown already stays where it is, so that nothing is read out twice.
    const shown = message.client_id && list.querySelector(`.is-unsent[data-client-id="${CSS.escape(message.client_id)}"]`)
    const item = shown || draw(message)
    item.classList.remove('is-unsent')
    item.dataset.seq = message.seq
    item.dataset.clientId = message.client_id
    const unsentFirst = list.querySelector('.is-unsent')
    if (!shown || (unsentFirst && unsentFirst.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING)) list.insertBefore(item, unsentFirst)
    marks()
    if (message.from.role !== side) typing.hidden = true
    if (follow) toEnd()
    talk.seen()
  }

  // fill reads what is missing by calls, as clients without sockets do.
  let filling = false
  talk.fill = async () => {
    if (filling || sendTo === undefined) return
    filling = true
    const answer = await fetch(`${sendTo}?after=${talk.last}`, { headers: unattended, signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
    const found = answer?.ok ? await answer.json().catch(() => undefined) : undefined
    filling = false
    if (!found || found.conversation === '') return
    talk.begin(found.conversation)
    for (const message of found.messages) if (message.seq === talk.last + 1) talk.add(message)
    if (found.messages.length > 0 && talk.last < found.last) talk.fill()
  }

  talk.readBy = (seq) => {
    talk.read = Math.max(talk.read, seq)
    marks()
  }

  // begin makes it another conversation, of which nothing is shown yet.
  talk.begin = (conversation) => {
    if (talk.conversation === conversation) return
    if (talk.conversation !== '') {
      for (const item of [...list.querySelectorAll('[data-seq]')]) item.remove()
    }
    talk.conversation = conversation
    talk.last = 0
    talk.read = 0
    told = 0
  }

  let told = 0
  let typingEnds
  talk.types = (name) => {
    typing.textContent = `${name || 'Somebody'} is typing…`
    typing.hidden = false
    clearTimeout(typingEnds)
    typingEnds = setTimeout(() => (typing.hidden = true), typingShows)
    if (atEnd()) toEnd()
  }

  talk.who = (words) => (root.querySelector('[data-talk-who]').textContent = words)

  let polling
  talk.stands = (state) => {
    lineWords.hidden = state === 'open'
    lineWords.textContent = state === 'ended' ? 'You are signed out. Load the page again to go on.' : 'The connection is lost. Connecting again…'
    root.classList.toggle('is-away', state !== 'open')
    clearInterval(polling)
    if (state === 'open') {
      outbox?.flush()
      talk.seen()
    } else if (state === 'away') {
      polling = setInterval(talk.fill, pollEvery)
    }
  }

  // seen says that all that is shown was read, as far as anybody looks at it.
  talk.seen = () => {
    if (document.visibilityState !== 'visible' || root.hidden || root.closest('[hidden]')) return
    if (talk.last > told && talk.line?.send({ type: 'read', conversation: talk.conversation || undefined, seq: talk.last })) told = talk.last
    changed?.()
  }
  document.addEventListener('visibilitychange', talk.seen)

  talk.open = () => {
    toEnd()
    field?.focus()
    talk.seen()
  }

  if (form) {
    form.removeAttribute('data-once')
    let typed = 0
    field.addEventListener('input', () => {
      if (Date.now() - typed < typingEvery || field.value.trim() === '') return
      typed = Date.now()
      talk.line?.send({ type: 'typing', conversation: talk.conversation || undefined })
    })
    // Enter sends, and with Shift it is a line break. What an input method makes of Enter is its own.
    let shift = false
    field.addEventListener('keydown', (event) => (shift = event.shiftKey))
    field.addEventListener('beforeinput', (event) => {
      if (event.inputType !== 'insertLineBreak' || shift) return
      event.preventDefault()
      form.requestSubmit()
    })
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      if (event.submitter?.matches('[data-canned]')) {
        field.value = event.submitter.textContent
        field.focus()
        return
      }
      const body = field.value.replace(/\r\n/g, '\n')
      if (body.trim() === '') return
      unsent(outbox.put(body))
      field.value = ''
      typed = 0
      toEnd()
    })
    for (const letter of outbox.letters) {
      if (itemOf(letter.client_id)) outbox.arrived(letter.client_id)
      else unsent(letter)
    }
    outbox.flush()
  }
  marks()
  toEnd()
  return talk
}
