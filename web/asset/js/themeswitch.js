// Changes between light and dark, and keeps what was chosen in this browser.
const button = document.querySelector('[data-theme-switch]')
const root = document.documentElement

function now() {
  return root.dataset.bsTheme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
}

button.hidden = false
button.addEventListener('click', () => {
  root.dataset.bsTheme = now() === 'dark' ? 'light' : 'dark'
  try {
    localStorage.setItem('theme', root.dataset.bsTheme)
  } catch {
    // Without storage it holds for this page.
  }
})
