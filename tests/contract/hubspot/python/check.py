"""Drives a fake HubSpot with HubSpot's own Python client and checks what the
client makes of the answers.

    python check.py BASE_URL ACCESS_TOKEN CLIENT_ID CLIENT_SECRET REDIRECT_URI

Exits 0 when everything fits, 1 with a traceback on the first difference.
"""

import sys
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime

from hubspot import HubSpot
from hubspot.crm import associations, contacts, deals, objects
from hubspot.crm.deals.exceptions import ApiException as DealsError
from hubspot.oauth.exceptions import ApiException as OAuthError
from urllib3.util.retry import Retry

if len(sys.argv) != 6:
    sys.exit(__doc__)
BASE_URL, ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI = sys.argv[1:]

# `api_request` does not look at `host`: both have to be given.
retry = Retry(total=3, status=3, status_forcelist=[429], backoff_factor=1, allowed_methods=None)
client = HubSpot(access_token=ACCESS_TOKEN, host=BASE_URL, base_url=BASE_URL, retry=retry)
MARK = f"contract python {time.time_ns()}"


def new_deal(**values):
    body = deals.SimplePublicObjectInputForCreate(
        properties={"dealname": MARK, **values}, associations=[]
    )
    return client.crm.deals.basic_api.create(simple_public_object_input_for_create=body)


def by_name(name, **more):
    name_is = deals.Filter(property_name="dealname", operator="EQ", value=name)
    return deals.PublicObjectSearchRequest(
        filter_groups=[deals.FilterGroup(filters=[name_is])], properties=["dealstage"], **more
    )


def deals_with_history():
    made = new_deal(dealstage="qualifiedtobuy", amount="99.50")
    assert int(made.id) > 2**32, made.id
    assert isinstance(made.created_at, datetime)
    change = deals.SimplePublicObjectInput(properties={"dealstage": "contractsent"})
    client.crm.deals.basic_api.update(made.id, simple_public_object_input=change)
    read = client.crm.deals.basic_api.get_by_id(
        made.id,
        properties=["dealstage", "amount", "hs_next_step"],
        properties_with_history=["dealstage"],
    )
    assert read.properties["dealstage"] == "contractsent"
    assert read.properties["amount"] == "99.50"
    assert read.properties["hs_next_step"] is None
    newest, oldest = read.properties_with_history["dealstage"]
    assert (newest.value, oldest.value) == ("contractsent", "qualifiedtobuy")
    assert isinstance(newest.timestamp, datetime) and newest.timestamp >= oldest.timestamp
    assert newest.source_type == "INTEGRATION"


def what_a_person_did():
    found = client.crm.deals.search_api.do_search(public_object_search_request=by_name("Seeded deal"))
    assert found.total == 1
    read = client.crm.deals.basic_api.get_by_id(
        found.results[0].id, properties_with_history=["dealstage"], associations=["emails"]
    )
    newest = read.properties_with_history["dealstage"][0]
    assert (newest.source_type, newest.source_id, newest.updated_by_user_id) == ("CRM_UI", "userId:7", 7)
    assert read.associations["emails"].results[0].type == "deal_to_email"


def batch_read():
    made = new_deal()
    ids = [deals.SimplePublicObjectId(id=made.id), deals.SimplePublicObjectId(id="1")]

    def read(inputs):
        body = deals.BatchReadInputSimplePublicObjectId(
            inputs=inputs, properties=["dealname"], properties_with_history=["dealname"]
        )
        return client.crm.deals.batch_api.read(batch_read_input_simple_public_object_id=body)

    whole = read(ids[:1])
    assert whole.status == "COMPLETE" and isinstance(whole.completed_at, datetime)
    assert whole.results[0].properties["dealname"] == MARK
    partial = read(ids)
    assert partial.num_errors == 1
    assert partial.errors[0].context["ids"] == ["1"]


def errors():
    try:
        new_deal(no_such_property="1")
    except DealsError as error:
        assert error.status == 400 and "VALIDATION_ERROR" in error.body
    else:
        raise AssertionError("an unknown property was taken")
    try:
        client.crm.deals.basic_api.get_by_id("1")
    except DealsError as error:
        assert error.status == 404
    else:
        raise AssertionError("a deal that does not exist was found")


def search_pages():
    for _ in range(3):
        new_deal(dealname=f"{MARK} page")
    search = client.crm.deals.search_api.do_search
    first = search(public_object_search_request=by_name(f"{MARK} page", limit=2))
    assert first.total == 3 and len(first.results) == 2
    after = first.paging.next.after
    second = search(public_object_search_request=by_name(f"{MARK} page", limit=2, after=after))
    assert len(second.results) == 1 and second.paging is None


def tasks_and_notes():
    deal = new_deal()

    def on_deal(module, type_id, **values):
        spec = module.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=type_id)
        to = module.PublicAssociationsForObject(types=[spec], to=module.PublicObjectId(id=deal.id))
        return module.SimplePublicObjectInputForCreate(properties=values, associations=[to])

    due = str(time.time_ns() // 1_000_000 + 86_400_000)
    task = client.crm.objects.tasks.basic_api.create(
        simple_public_object_input_for_create=on_deal(
            objects.tasks, 216, hs_timestamp=due, hs_task_subject="Ask", hs_task_type="TODO"
        )
    )
    assert task.properties["hs_task_status"] == "NOT_STARTED"
    note = client.crm.objects.notes.basic_api.create(
        simple_public_object_input_for_create=on_deal(
            objects.notes, 214, hs_timestamp=due, hs_note_body="Why"
        )
    )
    read = client.crm.deals.basic_api.get_by_id(deal.id, associations=["tasks", "notes"])
    assert [one.id for one in read.associations["tasks"].results] == [task.id]
    assert [one.id for one in read.associations["notes"].results] == [note.id]


def owners_pipelines_properties():
    page = client.crm.owners.owners_api.get_page(limit=1)
    assert len(page.results) == 1 and page.paging.next.after
    assert len(client.crm.owners.get_all()) == 2
    owner = client.crm.owners.owners_api.get_page(email="seller0@example.com").results[0]
    assert owner.user_id == 7 and isinstance(owner.created_at, datetime)
    pipeline = client.crm.pipelines.pipelines_api.get_all("deals").results[0]
    won = next(stage for stage in pipeline.stages if stage.id == "closedwon")
    assert won.metadata == {"isClosed": "true", "probability": "1.0"}
    known = client.crm.properties.core_api.get_all("deals").results
    assert any(one.name == "hs_is_closed_won" and one.calculated for one in known)


def associations_v4():
    deal = new_deal()
    person = contacts.SimplePublicObjectInputForCreate(
        properties={"email": f"c{time.time_ns()}@example.com"}, associations=[]
    )
    contact = client.crm.contacts.basic_api.create(simple_public_object_input_for_create=person)
    v4 = client.crm.associations.v4
    made = v4.basic_api.create_default("deal", deal.id, "contact", contact.id)
    assert made.results[0].association_spec.association_type_id == 3
    page = v4.basic_api.get_page("deals", deal.id, "contacts")
    assert str(page.results[0].to_object_id) == contact.id
    assert page.results[0].association_types[0].type_id == 3
    asked = associations.v4.BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": deal.id}])
    batch = v4.batch_api.get_page("deals", "contacts", asked)
    assert batch.results[0].to[0].association_types[0].category == "HUBSPOT_DEFINED"


def newest_paths():
    deal = new_deal()
    read = client.api_request(
        {"path": f"/crm/objects/2026-09/0-3/{deal.id}", "qs": {"properties": "dealstage,dealname"}}
    )
    assert read.status_code == 200 and read.json()["properties"]["dealname"] == MARK
    assert read.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def oauth():
    asked = urllib.parse.urlencode(
        {"client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "scope": "oauth crm.objects.deals.read", "state": "st"}
    )
    try:
        urllib.request.build_opener(NoRedirect).open(f"{BASE_URL}/oauth/authorize?{asked}")
        raise AssertionError("the authorize page did not redirect")
    except urllib.error.HTTPError as back:
        assert back.code == 302, back.code
        landed = urllib.parse.urlparse(back.headers["Location"])
    code = urllib.parse.parse_qs(landed.query)["code"][0]
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    tokens_api = HubSpot(host=BASE_URL).oauth.tokens_api
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, **app}
    tokens = tokens_api.create(**exchange)
    assert tokens.expires_in == 1800 and tokens.token_type == "bearer"
    try:
        tokens_api.create(**exchange)
        raise AssertionError("a code worked twice")
    except OAuthError as error:
        assert error.status == 400 and "BAD_AUTH_CODE" in error.body
    again = tokens_api.create(grant_type="refresh_token", refresh_token=tokens.refresh_token, **app)
    info = client.oauth.access_tokens_api.get(again.access_token)
    assert info.user == "admin@example.com" and info.scopes == ["oauth", "crm.objects.deals.read"]
    about = client.oauth.refresh_tokens_api.get(tokens.refresh_token)
    assert about.client_id == CLIENT_ID


CHECKS = [
    deals_with_history,
    what_a_person_did,
    batch_read,
    errors,
    search_pages,
    tasks_and_notes,
    owners_pipelines_properties,
    associations_v4,
    newest_paths,
    oauth,
]

for check in CHECKS:
    try:
        check()
    except Exception:
        print(f"FAIL  {check.__name__}")
        traceback.print_exc()
        sys.exit(1)
    print(f"ok    {check.__name__}")
print(f"{len(CHECKS)} checks passed with hubspot-api-client")
