// Drives a fake HubSpot with HubSpot's own Node client and checks what the
// client makes of the answers.
//
//   node check.mjs BASE_URL ACCESS_TOKEN CLIENT_ID CLIENT_SECRET REDIRECT_URI
//
// Exits 0 when everything fits, 1 with a message on the first difference.
import assert from 'node:assert/strict'
import { Client, AssociationTypes } from '@hubspot/api-client'

const [basePath, accessToken, clientId, clientSecret, redirectUri] = process.argv.slice(2)
if (!redirectUri) {
  console.error('usage: node check.mjs BASE_URL ACCESS_TOKEN CLIENT_ID CLIENT_SECRET REDIRECT_URI')
  process.exit(2)
}

const client = new Client({ accessToken, basePath, numberOfApiCallRetries: 3 })
const { deals, objects, owners, pipelines, associations, properties } = client.crm
const TWO_TO_32 = 2n ** 32n
const mark = `contract ${process.pid} ${Date.now()}`

const checks = {
  async 'deals: create, update, read with history'() {
    const made = await deals.basicApi.create({
      properties: { dealname: mark, dealstage: 'qualifiedtobuy', amount: '99.50', closedate: '2026-12-01' },
      associations: [],
    })
    assert.ok(BigInt(made.id) > TWO_TO_32, `id ${made.id} is above 2^32`)
    assert.ok(made.createdAt instanceof Date && made.updatedAt instanceof Date)
    await deals.basicApi.update(made.id, { properties: { dealstage: 'contractsent' } })
    const read = await deals.basicApi.getById(
      made.id, ['dealstage', 'amount', 'closedate', 'hs_is_closed', 'hs_next_step'], ['dealstage'])
    assert.equal(read.properties.dealstage, 'contractsent')
    assert.equal(read.properties.amount, '99.50')
    assert.equal(read.properties.closedate, '2026-12-01T00:00:00Z')
    assert.equal(read.properties.hs_is_closed, 'false')
    assert.equal(read.properties.hs_next_step, null)
    assert.equal(read.archived, false)
    const history = read.propertiesWithHistory.dealstage
    assert.deepEqual(history.map((entry) => entry.value), ['contractsent', 'qualifiedtobuy'])
    assert.ok(history[0].timestamp instanceof Date && history[0].timestamp >= history[1].timestamp)
    assert.equal(history[0].sourceType, 'INTEGRATION')
  },

  async 'deals: what a person did has a user id'() {
    const found = await deals.searchApi.doSearch(byName('Seeded deal', ['dealstage']))
    assert.equal(found.total, 1)
    const read = await deals.basicApi.getById(
      found.results[0].id, ['notes_last_updated', 'notes_last_contacted'], ['dealstage'], ['emails'])
    const [now, before] = read.propertiesWithHistory.dealstage
    assert.deepEqual([now.value, before.value], ['contractsent', 'qualifiedtobuy'])
    assert.deepEqual([now.sourceType, now.sourceId, now.updatedByUserId], ['CRM_UI', 'userId:7', 7])
    assert.ok(!Number.isNaN(Date.parse(read.properties.notes_last_updated)))
    assert.equal(read.properties.notes_last_contacted, null)
    assert.equal(read.associations.emails.results[0].type, 'deal_to_email')
  },

  async 'deals: list, merge, archive'() {
    const [a, b] = await Promise.all(['a', 'b'].map((name) => newDeal(`${mark} ${name}`)))
    const page = await deals.basicApi.getPage(1)
    assert.equal(page.results.length, 1)
    assert.ok(page.paging.next.after)
    const merged = await client.crm.deals.basicApi.merge({ primaryObjectId: a, objectIdToMerge: b })
    assert.equal(merged.id, a)
    assert.equal((await deals.basicApi.getById(b)).id, a)
    await deals.basicApi.archive(a)
    await assert.rejects(deals.basicApi.getById(a), (error) => {
      assert.equal(error.code, 404)
      assert.equal(error.body.category, 'OBJECT_NOT_FOUND')
      assert.match(error.body.correlationId, /^[0-9a-f-]{36}$/)
      return true
    })
    assert.equal((await deals.basicApi.getById(a, undefined, undefined, undefined, true)).archived, true)
  },

  async 'deals: batch read, whole and partial'() {
    const id = await newDeal(`${mark} batch`)
    const read = (inputs) => deals.batchApi.read(
      { inputs, properties: ['dealname'], propertiesWithHistory: ['dealname'] })
    const whole = await read([{ id }])
    assert.equal(whole.status, 'COMPLETE')
    assert.ok(whole.completedAt instanceof Date)
    assert.equal(whole.results[0].propertiesWithHistory.dealname[0].value, `${mark} batch`)
    const partial = await read([{ id }, { id: '1' }])
    assert.equal(partial.numErrors, 1)
    assert.equal(partial.errors[0].category, 'OBJECT_NOT_FOUND')
    assert.deepEqual(partial.errors[0].context.ids, ['1'])
    const many = Array.from({ length: 51 }, () => ({ id }))
    await assert.rejects(read(many), (error) => error.code === 400)
  },

  async 'deals: a write that does not fit'() {
    const refused = (properties) => assert.rejects(
      deals.basicApi.create({ properties, associations: [] }),
      (error) => error.code === 400 && error.body.category === 'VALIDATION_ERROR')
    await refused({ dealname: 'x', no_such_property: '1' })
    await refused({ dealname: 'x', dealstage: 'nowhere' })
    await refused({ dealname: 'x', amount: 'much' })
    await refused({ dealname: 'x', hs_is_closed: 'true' })
  },

  async 'search: pages and sort'() {
    for (const amount of ['10', '9', '100']) {
      await deals.basicApi.create({ properties: { dealname: `${mark} page`, amount }, associations: [] })
    }
    const request = { ...byName(`${mark} page`, ['amount']), sorts: ['amount'], limit: 2 }
    const first = await deals.searchApi.doSearch(request)
    assert.equal(first.total, 3)
    const second = await deals.searchApi.doSearch({ ...request, after: first.paging.next.after })
    assert.equal(second.paging, undefined)
    const amounts = [...first.results, ...second.results].map((deal) => deal.properties.amount)
    assert.deepEqual(amounts, ['9', '10', '100'])
  },

  async 'search: the client waits out the limit of 5 a second'() {
    const request = byName(`${mark} nothing`, [])
    const begun = Date.now()
    const found = await Promise.all(Array.from({ length: 7 }, () => deals.searchApi.doSearch(request)))
    assert.ok(found.every((one) => one.total === 0))
    assert.ok(Date.now() - begun >= 1000, 'at least one search was refused and tried again')
    await new Promise((done) => setTimeout(done, 1100)) // apiRequest, below, never tries again.
  },

  async 'tasks and notes on a deal'() {
    const id = await newDeal(`${mark} tasks`)
    const due = String(Date.now() + 86_400_000)
    const to = (associationTypeId) => [
      { to: { id }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId }] }]
    assert.equal(AssociationTypes.taskToDeal, 216)
    const task = await objects.tasks.basicApi.create({
      properties: { hs_timestamp: due, hs_task_subject: 'Ask', hs_task_type: 'TODO', hs_task_reminders: due },
      associations: to(AssociationTypes.taskToDeal),
    })
    assert.equal(task.properties.hs_task_status, 'NOT_STARTED')
    const note = await objects.notes.basicApi.create({
      properties: { hs_timestamp: String(Date.now()), hs_note_body: 'Why' },
      associations: to(AssociationTypes.noteToDeal),
    })
    const deal = await deals.basicApi.getById(
      id, ['notes_next_activity_date', 'num_notes'], undefined, ['tasks', 'notes'])
    assert.deepEqual(deal.associations.tasks.results.map((one) => one.id), [task.id])
    assert.deepEqual(deal.associations.notes.results.map((one) => one.id), [note.id])
    assert.equal(Date.parse(deal.properties.notes_next_activity_date), Number(due))
    assert.equal(deal.properties.num_notes, '2')
    await objects.tasks.basicApi.update(task.id, { properties: { hs_task_status: 'COMPLETED' } })
    const wrong = objects.tasks.basicApi.create({
      properties: { hs_timestamp: due }, associations: to(AssociationTypes.noteToDeal) })
    await assert.rejects(wrong, (error) => error.code === 400)
  },

  async 'owners, pipelines, properties'() {
    const page = await owners.ownersApi.getPage(undefined, undefined, 1, false)
    assert.equal(page.results.length, 1)
    const rest = await owners.ownersApi.getPage(undefined, page.paging.next.after, 1, false)
    assert.notEqual(rest.results[0].id, page.results[0].id)
    const [owner] = (await owners.ownersApi.getPage('seller0@example.com')).results
    assert.deepEqual([owner.userId, owner.type, owner.archived], [7, 'PERSON', false])
    assert.ok(owner.createdAt instanceof Date)
    assert.equal((await owners.ownersApi.getById(7, 'userId')).id, owner.id)
    const all = await pipelines.pipelinesApi.getAll('deals')
    const won = all.results[0].stages.find((stage) => stage.id === 'closedwon')
    assert.deepEqual(won.metadata, { isClosed: 'true', probability: '1.0' })
    const known = await properties.coreApi.getAll('deals')
    assert.ok(known.results.some((one) => one.name === 'hs_v2_date_entered_contractsent'))
  },

  async 'associations v4'() {
    const id = await newDeal(`${mark} links`)
    const contact = await client.crm.contacts.basicApi.create(
      { properties: { email: `c${Date.now()}@example.com` }, associations: [] })
    const v4 = associations.v4
    const made = await v4.basicApi.createDefault('deal', id, 'contact', contact.id)
    assert.equal(made.results[0].associationSpec.associationTypeId, 3)
    assert.equal(made.results[0]._from.id, id)
    const page = await v4.basicApi.getPage('deals', id, 'contacts')
    assert.equal(String(page.results[0].toObjectId), contact.id)
    const [type] = page.results[0].associationTypes
    assert.deepEqual([type.category, type.typeId, type.label], ['HUBSPOT_DEFINED', 3, null])
    const batch = await v4.batchApi.getPage('deals', 'contacts', { inputs: [{ id }] })
    assert.equal(batch.results[0]._from.id, id)
    assert.equal(batch.results[0].to[0].associationTypes[0].typeId, 3)
    const labelled = await v4.batchApi.create('contacts', 'deals', { inputs: [
      { _from: { id: contact.id }, to: { id }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 4 }] }] })
    assert.equal(labelled.results[0].toObjectId, id)
  },

  async 'the newest paths'() {
    const id = await newDeal(`${mark} dated`)
    const read = await client.apiRequest({
      method: 'GET', path: `/crm/objects/2026-09/0-3/${id}`, qs: { properties: 'dealstage,dealname' } })
    assert.equal(read.status, 200)
    assert.equal(read.headers.get('x-hubspot-ratelimit-max'), '190')
    assert.equal((await read.json()).properties.dealname, `${mark} dated`)
    const found = await client.apiRequest({
      method: 'POST', path: '/crm/objects/2026-09/0-3/search', body: byName(`${mark} dated`, []) })
    assert.equal((await found.json()).total, 1)
    assert.equal(found.headers.get('x-hubspot-ratelimit-max'), null)
    for (const path of ['/crm/owners/2026-03', '/crm/pipelines/2026-03/0-3', '/account-info/v3/details']) {
      assert.equal((await client.apiRequest({ method: 'GET', path })).status, 200, path)
    }
  },

  async 'oauth: code, refresh, info, revoke'() {
    const scope = 'oauth crm.objects.deals.read'
    const address = new URL(client.oauth.getAuthorizationUrl(clientId, redirectUri, scope, undefined, 'st'))
    const authorize = (url) => fetch(basePath + url.pathname + url.search, { redirect: 'manual' })
    const back = await authorize(address)
    assert.equal(back.status, 302)
    const landed = new URL(back.headers.get('location'))
    assert.equal(landed.searchParams.get('state'), 'st')
    const code = landed.searchParams.get('code')
    const exchange = () => new Client({ basePath }).oauth.tokensApi.create(
      'authorization_code', code, redirectUri, clientId, clientSecret)
    const tokens = await exchange()
    assert.equal(tokens.expiresIn, 1800)
    assert.equal(tokens.tokenType, 'bearer')
    await assert.rejects(exchange(), (error) => {
      assert.deepEqual([error.code, error.body.status, error.body.error], [400, 'BAD_AUTH_CODE', 'invalid_grant'])
      return true
    })
    const again = await new Client({ basePath }).oauth.tokensApi.create(
      'refresh_token', undefined, undefined, clientId, clientSecret, tokens.refreshToken)
    const info = await client.oauth.accessTokensApi.get(again.accessToken)
    assert.deepEqual(info.scopes, scope.split(' '))
    assert.equal(typeof info.hubId, 'number')
    const limited = new Client({ accessToken: again.accessToken, basePath })
    assert.ok((await limited.crm.deals.basicApi.getPage(1)).results.length)
    await assert.rejects(limited.crm.owners.ownersApi.getPage(),
      (error) => error.code === 403 && error.body.category === 'MISSING_SCOPES')
    await client.oauth.refreshTokensApi.archive(tokens.refreshToken)
    await assert.rejects(limited.crm.deals.basicApi.getPage(1), (error) => error.code === 401)
    address.searchParams.set('scope', 'oauth tickets')
    assert.equal((await authorize(address)).status, 400)
  },
}

function byName(name, wanted) {
  const filters = [{ propertyName: 'dealname', operator: 'EQ', value: name }]
  return { filterGroups: [{ filters }], properties: wanted, limit: 10, sorts: [], after: '0' }
}

async function newDeal(dealname) {
  return (await deals.basicApi.create({ properties: { dealname }, associations: [] })).id
}

console.error = () => {} // The client reports each wait; the checks measure them.
for (const [name, check] of Object.entries(checks)) {
  try {
    await check()
    console.log(`ok    ${name}`)
  } catch (error) {
    console.log(`FAIL  ${name}\n${error.stack ?? error}`)
    process.exit(1)
  }
}
console.log(`${Object.keys(checks).length} checks passed with @hubspot/api-client`)
