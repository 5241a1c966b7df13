// The first write begins the session. Until it is answered no other is sent, from any tab:
// each would begin a session of its own, and the browser keeps one.
let begun = false
let before = Promise.resolve()

export async function inTurn(write) {
  if (begun) return write()
  const turn = async () => {
    const answer = await write()
    begun = true
    return answer
  }
  if (navigator.locks) return navigator.locks.request('first-write', turn)
  const mine = before.then(turn)
  before = mine.catch(() => {})
  return mine
}
