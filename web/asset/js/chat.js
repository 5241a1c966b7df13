// The shopper's chat: on its page, and in a panel that the bubble opens on every other page. Who has never
// written has no connection and no cookie until the first message.
import { openLine } from './line.js'
import { openTalk } from './talk.js'

const bubble = document.querySelector('[data-bubble]')
const openKey = 'chat-open'

let talk
let line
let unread = Number(bubble?.querySelector('[data-bubble-count]').textContent ?? 0)
let last = Number(bubble?.dataset.last ?? 0)
let conversation = bubble?.dataset.conversation ?? ''

// A tab that somebody signed out in sends nothing more of theirs.
const whoKey = 'chat-who'
function forgetOthers(here) {
  try {
    if (sessionStorage.getItem(whoKey) && !here) {
      sessionStorage.removeItem('chat-outbox:/api/chat/messages')
      sessionStorage.removeItem(openKey)
    }
    if (here) sessionStorage.setItem(whoKey, here)
    else sessionStorage.removeItem(whoKey)
  } catch {
    // Without storage there is nothing to forget.
  }
}

function showUnread(n) {
  unread = n
  if (!bubble) return
  const badge = bubble.querySelector('[data-bubble-count]')
  badge.textContent = n
  badge.classList.toggle('is-empty', n === 0)
  bubble.querySelector('[data-bubble-words]').textContent = n > 0 ? 'unread messages' : 'with the shop'
}

function heard(frame) {
  switch (frame.type) {
    case 'presence':
      if (frame.conversation !== conversation) last = 0
      conversation = frame.conversation
      talk?.begin(frame.conversation)
      talk?.who(standing(frame))
      if (!talk) showUnread(frame.unread)
      break
    case 'message':
      last = Math.max(last, frame.seq)
      talk?.add(frame)
      if (frame.from.role === 'agent' && !visible()) showUnread(unread + 1)
      break
    case 'typing':
      talk?.types(frame.from.name)
      break
    case 'read':
      if (frame.from.role === 'agent') talk?.readBy(frame.seq)
      else if (frame.seq >= last) showUnread(0)
  }
}

function standing({ from, online, state }) {
  if (from.name && state === 'open') return `${from.name} is helping you.`
  return online ? 'We are online. Send us a message.' : 'We are offline right now. Leave a message, and we will reply as soon as we are back.'
}

const visible = () => talk && document.visibilityState === 'visible' && !panel?.hidden

function connect() {
  if (line) return
  line = openLine({
    address: () => '/ws/chat?' + new URLSearchParams({ after: talk?.last ?? last, conversation }),
    heard,
    stands: (state) => talk?.stands(state),
  })
  if (talk) talk.line = line
}

function mount(root) {
  conversation = root.dataset.conversation || conversation
  talk = openTalk(root, {
    side: 'customer',
    sendTo: '/api/chat/messages',
    changed(message) {
      if (message) connect()
      if (visible()) showUnread(0)
    },
  })
  talk.line = line
  if (last > talk.last) talk.fill()
  if (conversation) connect()
}

// The panel.

let panel

function remember(open) {
  try {
    if (open) sessionStorage.setItem(openKey, 'yes')
    else sessionStorage.removeItem(openKey)
  } catch {
    // Without storage it opens anew on each page.
  }
}

async function openPanel(focus) {
  if (!panel) {
    let answer
    try {
      answer = await fetch('/chat?panel')
    } catch {
      // It is a page too.
    }
    if (!answer?.ok) {
      location.assign('/chat')
      return
    }
    panel = document.createElement('div')
    panel.className = 'chat-panel'
    panel.id = 'chat-panel'
    // Ours, from this server, with every text escaped there.
    panel.innerHTML = await answer.text()
    const close = document.createElement('button')
    close.type = 'button'
    close.className = 'btn-close chat-panel-close'
    close.setAttribute('aria-label', 'Close the chat')
    close.addEventListener('click', closePanel)
    panel.querySelector('.talk-head').append(close)
    panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') closePanel()
    })
    bubble.after(panel)
    mount(panel.querySelector('[data-talk]'))
  }
  panel.hidden = false
  bubble.setAttribute('aria-expanded', 'true')
  document.body.classList.add('has-chat-panel')
  remember(true)
  if (focus) talk.open()
  else talk.seen()
  showUnread(0)
}

function closePanel() {
  panel.hidden = true
  bubble.setAttribute('aria-expanded', 'false')
  document.body.classList.remove('has-chat-panel')
  remember(false)
  bubble.focus()
}

// What one of the staff typed and could not send is not sent by whoever signs in next.
const accountKey = 'account'
function forgetStaff(here) {
  try {
    if ((sessionStorage.getItem(accountKey) ?? here) !== here) {
      for (const key of Object.keys(sessionStorage)) if (key.startsWith('chat-outbox:/api/support/')) sessionStorage.removeItem(key)
    }
    sessionStorage.setItem(accountKey, here)
  } catch {
    // Without storage there is nothing to forget.
  }
}
forgetStaff(document.body.dataset.account ?? '')

const page = document.querySelector('[data-talk="shopper"]')
if (page) {
  forgetOthers(page.dataset.conversation)
  mount(page)
} else if (bubble) {
  forgetOthers(bubble.dataset.conversation)
  bubble.setAttribute('role', 'button')
  bubble.setAttribute('aria-expanded', 'false')
  bubble.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    if (panel && !panel.hidden) closePanel()
    else openPanel(true)
  })
  // As buttons have it: what is pressed must not scroll, and what is let go opens.
  bubble.addEventListener('keydown', (event) => {
    if (event.key === ' ') event.preventDefault()
  })
  bubble.addEventListener('keyup', (event) => {
    if (event.key === ' ') bubble.click()
  })
  let wasOpen = null
  try {
    wasOpen = sessionStorage.getItem(openKey)
  } catch {
    // It stays closed.
  }
  const wide = matchMedia('(min-width: 768px)').matches
  if (wasOpen && wide) openPanel(false)
  else if (bubble.dataset.state === 'open') connect()
}
