// The support desk: the open conversations, the longest waiting first, and the one that is shown, live.
import { openLine, unattended } from './line.js'
import { clock, openTalk, readableTimes } from './talk.js'

const desk = document.querySelector('[data-desk]')
if (desk) {
  const list = desk.querySelector('[data-desk-list]')
  const none = desk.querySelector('[data-desk-empty]')
  const root = desk.querySelector('[data-talk="staff"]')
  const standing = new Map() // of the conversations that are heard of
  readableTimes(desk)

  const talk =
    root &&
    openTalk(root, {
      side: 'agent',
      sendTo: `/api/support/conversations/${encodeURIComponent(root.dataset.conversation)}/messages`,
    })

  const order = (a, b) =>
    Number(b.waiting_since !== null) - Number(a.waiting_since !== null) ||
    (a.waiting_since ?? '').localeCompare(b.waiting_since ?? '') ||
    b.changed_at.localeCompare(a.changed_at)

  function row(c) {
    const item = document.createElement('li')
    item.className = 'list-group-item list-group-item-action desk-item'
    item.dataset.conversation = c.id
    const link = document.createElement('a')
    link.className = 'stretched-link link-body-emphasis text-decoration-none fw-semibold'
    link.href = `/admin/chat/${encodeURIComponent(c.id)}`
    link.textContent = c.name
    if (c.id === talk?.conversation) link.setAttribute('aria-current', 'true')
    const here = document.createElement('span')
    here.className = c.online ? 'desk-here is-here' : 'desk-here'
    here.title = c.online ? 'is here' : 'has left'
    const badge = document.createElement('span')
    badge.className = c.unread > 0 ? 'badge text-bg-danger' : 'badge text-bg-danger d-none'
    badge.textContent = `${c.unread} new`
    const words = document.createElement('span')
    words.className = 'small text-body-secondary d-block'
    words.append(c.waiting_since ? 'waiting since ' : 'last message ', clock(c.waiting_since ?? c.changed_at), c.agent ? ` · ${c.agent}` : '')
    item.append(link, ' ', here, ' ', badge, words)
    return item
  }

  // What is there already stays, so that a click on it, or the focus, is not lost while news come in.
  function renewed(was, c) {
    const now = row(c)
    if (!was) return now
    const [link, ...rest] = now.childNodes
    was.firstElementChild.textContent = link.textContent
    while (was.lastChild !== was.firstElementChild) was.lastChild.remove()
    was.append(...rest)
    return was
  }

  let drawing
  function draw() {
    drawing ??= setTimeout(() => {
      drawing = undefined
      const focused = list.contains(document.activeElement) ? document.activeElement.closest('li').dataset.conversation : undefined
      const open = [...standing.values()].filter((c) => c.state === 'open').sort(order)
      const had = new Map([...list.children].map((item) => [item.dataset.conversation, item]))
      open.forEach((c, i) => {
        const item = renewed(had.get(c.id), c)
        if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null)
      })
      while (list.children.length > open.length) list.lastElementChild.remove()
      none.classList.toggle('d-none', open.length > 0)
      if (focused) list.querySelector(`[data-conversation="${CSS.escape(focused)}"] a`)?.focus()
      const waiting = open.filter((c) => c.unread > 0).length
      document.title = document.title.replace(/^(\(\d+\) )?/, waiting > 0 ? `(${waiting}) ` : '')
    }, 50)
  }

  function heard(frame) {
    const shown = talk && (frame.conversation ?? frame.id) === talk.conversation
    switch (frame.type) {
      case 'conversation':
        if (frame.was) {
          standing.delete(frame.was)
          if (frame.was === talk?.conversation) location.replace(`/admin/chat/${encodeURIComponent(frame.id)}`)
        }
        standing.set(frame.id, { ...standing.get(frame.id), ...frame })
        draw()
        if (shown) stands(frame)
        break
      case 'message':
        if (shown) talk.add(frame)
        break
      case 'presence':
        if (standing.has(frame.conversation)) {
          standing.get(frame.conversation).online = frame.online
          draw()
          if (shown) stands(standing.get(frame.conversation))
        }
        break
      case 'typing':
        if (shown) talk.types(frame.from.name)
    }
  }

  let agent
  function stands(c) {
    talk.readBy(c.read_by_customer)
    const who = c.state !== 'open' ? 'Closed.' : c.agent ? `Assigned to ${c.agent}.` : 'Unassigned.'
    talk.who(`${who} ${c.online ? 'The shopper is here.' : 'The shopper has left.'}`)
    // The buttons beside it are the server's to draw.
    const now = `${c.state} ${c.agent}`
    if (agent !== undefined && agent !== now) refreshMoves()
    agent = now
  }

  async function refreshMoves() {
    const answer = await fetch(location.pathname, { headers: unattended }).catch(() => undefined)
    if (!answer?.ok) return
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
    desk.querySelector('.desk-beside')?.replaceWith(fresh.querySelector('.desk-beside'))
    // Whether there is a form depends on whether it is open.
    if (Boolean(fresh.querySelector('[data-talk-form]')) !== Boolean(root.querySelector('[data-talk-form]'))) location.reload()
  }

  const line = openLine({
    address: () => '/ws/support' + (talk ? `?after=${encodeURIComponent(`${talk.conversation}:${talk.last}`)}` : ''),
    heard,
    stands(state) {
      if (talk) talk.stands(state)
      else {
        const words = desk.querySelector('[data-talk-line]')
        words.hidden = state === 'open'
        words.textContent = state === 'ended' ? 'You are signed out.' : 'The connection is lost. Connecting again…'
      }
    },
  })
  if (talk) {
    talk.line = line
    talk.seen()
  }
}
