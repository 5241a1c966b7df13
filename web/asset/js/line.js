// A connection that comes back by itself. It asks for its address each time, which says
// what it has heard already, and tells how it stands: 'open', 'away' or 'ended'.
const firstPause = 500
const longestPause = 15_000

// unattended marks calls that nobody asked for: they keep no session alive.
export const unattended = { 'X-Unattended': 'yes' }

export function openLine({ address, heard, stands }) {
  let socket
  let tries = 0
  let timer

  function connect() {
    clearTimeout(timer)
    const url = new URL(address(), location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    const mine = (socket = new WebSocket(url))
    mine.addEventListener('open', () => stands('open'))
    mine.addEventListener('message', (event) => {
      tries = 0
      heard(JSON.parse(event.data))
    })
    mine.addEventListener('close', (event) => {
      if (mine !== socket) return
      if (event.code === 1008 && event.reason === 'unauthenticated' && tries > 0) {
        stands('ended')
        return
      }
      stands('away')
      again()
    })
  }

  // The first time at once or nearly so; all that a server sent away must not come at the same moment.
  function again() {
    clearTimeout(timer)
    const most = Math.min(longestPause, firstPause * 2 ** tries)
    timer = setTimeout(connect, most * (tries === 0 ? Math.random() : 0.5 + Math.random() / 2))
    tries++
  }

  function hurry() {
    if (socket.readyState === WebSocket.OPEN || socket.readyState === WebSocket.CONNECTING) return
    tries = 0
    connect()
  }

  // A connection whose network has gone may look open for minutes.
  addEventListener('offline', () => socket.close())
  addEventListener('online', hurry)
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') hurry()
  })
  connect()

  return {
    send(frame) {
      if (socket.readyState !== WebSocket.OPEN) return false
      socket.send(JSON.stringify(frame))
      return true
    },
  }
}
