"""A public client against the Salesforce twin.

    pip install simple-salesforce==1.12.10
    python tests/clients/salesforce.py http://127.0.0.1:9103

The client has https in every address, so an adapter leads its requests to the twin.
"""

import sys
import urllib.parse

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

TWIN = sys.argv[1].rstrip("/")


class ToTwin(HTTPAdapter):
    def send(self, request, **kwargs):
        address = urllib.parse.urlsplit(request.url)
        request.url = TWIN + address.path + ("?" + address.query if address.query else "")
        return super().send(request, **kwargs)


def refused(call, kind):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


session = requests.Session()
session.mount("https://", ToTwin())
requests.post(f"{TWIN}/__sandbox/reset", timeout=10)
org = Salesforce(
    consumer_key="weft-sandbox", consumer_secret="weft-sandbox-secret", domain="acme.my", version="66.0", session=session
)

assert org.Account.upsert("Mesh_Id__c/A-1", {"Name": "A"}) == 201
assert org.Account.upsert("Mesh_Id__c/A-1", {"Name": "B"}) == 200
account = org.Account.get_by_custom_id("Mesh_Id__c", "A-1")
assert account["Name"] == "B"

contact = org.Contact.create({"LastName": "Doe", "Account": {"Mesh_Id__c": "A-1"}})
assert org.Contact.update(contact["id"], {"FirstName": "Jo"}) == 204
found = org.query_all("SELECT Name, Account.Name FROM Contact")["records"]
assert (found[0]["Name"], found[0]["Account"]["Name"]) == ("Jo Doe", "B")

for key in ("1", "2"):
    org.Order_Context__c.upsert(f"Mesh_Id__c/{key}", {"Order_Number__c": "536365"})
refused(lambda: org.Order_Context__c.get_by_custom_id("Order_Number__c", "536365"), SalesforceMoreThanOneRecord)
error = refused(lambda: org.query("SELECT Colour FROM Account"), SalesforceMalformedRequest)
assert error.content[0]["errorCode"] == "INVALID_FIELD"

opened = requests.post(
    f"{TWIN}/__sandbox/salesforce/case", json={"subject": "Broken", "account_id": account["Id"]}, timeout=10
).json()
case = org.Case.get(opened["id"])
assert (case["CaseNumber"], case["Status"], case["IsClosed"]) == (opened["case_number"], "New", False)
milestone = {"Case__c": case["Id"], "Kind__c": "RETURN_AUTHORIZED", "Happened_At__c": "2026-11-23T08:26:00Z"}
assert org.Case_Milestone_Event__c.upsert("Mesh_Id__c/m-1", milestone) == 201
assert org.Case_Milestone_Event__c.upsert("Mesh_Id__c/m-1", milestone) == 200
assert org.Case.update(case["Id"], {"Status": "Closed"}) == 204
closed = org.query("SELECT IsClosed, (SELECT Kind__c FROM Case_Milestone_Events__r) FROM Case")["records"][0]
assert closed["IsClosed"] and closed["Case_Milestone_Events__r"]["totalSize"] == 1
assert org.Case.delete(case["Id"]) == 204
gone = org.query_all("SELECT IsDeleted FROM Case", include_deleted=True)["records"]
assert [row["IsDeleted"] for row in gone] == [True]
refused(lambda: org.ReturnOrder.describe(), SalesforceResourceNotFound)  # no feature brings it

fault = {"kind": "expire_tokens", "times": 1, "path_contains": "sobjects"}
requests.post(f"{TWIN}/__sandbox/salesforce/faults", json=fault, timeout=10).raise_for_status()
assert org.Account.get(account["Id"])["Name"] == "B"  # the client logs in again by itself

records = [{"attributes": {"type": "Contact"}, "LastName": f"n{n}"} for n in range(200)]
for _ in range(11):
    org.restful("composite/sobjects", method="POST", json={"records": records})
assert len(org.query_all("SELECT Id FROM Contact")["records"]) == 2201  # over two pages
assert org.Contact.delete(contact["id"]) == 204
assert org.limits()["DailyApiRequests"]["Remaining"] > 0
print("the twin answers simple-salesforce as an org does")
