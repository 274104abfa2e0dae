// Prints the signature that HubSpot's Node client computes.
//
//   echo '{"version":"v3","secret":"fake-s","method":"POST","url":"https://…","body":"[]","timestamp":1}' | node sign.mjs
import { Signature } from '@hubspot/api-client'

let input = ''
for await (const chunk of process.stdin) input += chunk
const { version, secret, method, url, body, timestamp } = JSON.parse(input)
console.log(Signature.getSignature(method, version, { clientSecret: secret, requestBody: body, url, timestamp }))
