// A short message at the edge of the page, read out by screen readers.
const place = document.querySelector('[data-toasts]')
const staysFor = 5000

export function toast(text, { link, label, bad = false } = {}) {
  const box = document.createElement('div')
  box.className = bad ? 'toast-box is-bad' : 'toast-box'
  const words = document.createElement('span')
  words.textContent = text
  box.append(words)
  if (link) {
    const a = document.createElement('a')
    a.href = link
    a.textContent = label
    box.append(a)
  }
  place.replaceChildren(box)
  const timer = setTimeout(() => box.remove(), staysFor)
  box.addEventListener('mouseenter', () => clearTimeout(timer), { once: true })
}
