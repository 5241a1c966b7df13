// Takes out of the lock file what says where packages came from or asks for money:
// what is locked is names, versions and checksums, whichever registry has them.
import { readFile, writeFile } from 'node:fs/promises'

const lock = JSON.parse(await readFile('package-lock.json', 'utf8'))
for (const entry of Object.values(lock.packages)) {
  delete entry.funding
  delete entry.resolved
}
await writeFile('package-lock.json', JSON.stringify(lock, null, 2) + '\n')
