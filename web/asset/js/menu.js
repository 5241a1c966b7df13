// Closes the account's menu on a click elsewhere and on Escape, and keeps the pictures
// of a product from moving the page.
const menu = document.querySelector('[data-menu]')
if (menu) {
  document.addEventListener('click', (event) => {
    if (!menu.contains(event.target)) menu.open = false
  })
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return
    menu.open = false
    menu.querySelector('summary').focus()
  })
}

document.addEventListener('click', (event) => {
  const thumb = event.target.closest('a[data-picture]')
  if (!thumb) return
  event.preventDefault()
  const picture = document.querySelector(thumb.getAttribute('href'))
  picture.parentElement.scrollTo({ left: picture.offsetLeft - picture.parentElement.offsetLeft, behavior: 'smooth' })
})
