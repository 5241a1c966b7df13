// Runs before anything is painted: tells the style sheet that there are scripts,
// and sets the theme that the visitor chose, if one was chosen.
const root = document.documentElement
root.classList.add('js')
try {
  const chosen = localStorage.getItem('theme')
  if (chosen === 'light' || chosen === 'dark') root.dataset.bsTheme = chosen
} catch {
  // Without storage the system's theme holds.
}
