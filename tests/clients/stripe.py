"""The vendor's own client against the Stripe twin.

    pip install stripe==16.1.0
    python tests/clients/stripe.py http://127.0.0.1:9104

Fidelity rows 35 to 41, as far as a client sees them; the numbers name the rows.
"""

import os
import sys

# This file has the client's name: without its own folder the client is found.
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != os.path.dirname(os.path.abspath(__file__))]

import http.server  # noqa: E402
import json  # noqa: E402
import queue  # noqa: E402
import threading  # noqa: E402
import urllib.request  # noqa: E402

import stripe  # noqa: E402

TWIN = sys.argv[1].rstrip("/")
SECRET = "whsec_weft_sandbox"


def operate(verb, body=None, method="POST"):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{TWIN}/__sandbox/{verb}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def refused(call, kind):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


class Endpoint(http.server.BaseHTTPRequestHandler):
    got = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Endpoint.got.put((body, self.headers["Stripe-Signature"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


operate("reset")
client = stripe.StripeClient("sk_test_weft_sandbox", base_addresses={"api": TWIN}, max_network_retries=2)
intents, refunds = client.v1.payment_intents, client.v1.refunds


def pay(**more):
    made = {"amount": 2000, "currency": "gbp", "payment_method": "pm_card_visa", "confirm": True}
    return intents.create({**made, **more})


# 35: brackets, integers, a currency without decimals.
held = pay(capture_method="manual", metadata={"order_id": "1001"}, expand=["latest_charge"])
assert (held.status, held.amount_capturable, held.metadata["order_id"]) == ("requires_capture", 2000, "1001")
assert held.latest_charge.payment_method_details.card.capture_before > held.created
captured = intents.capture(held.id, {"amount_to_capture": 1500, "metadata": {"capture": "C-1"}})
assert (captured.status, captured.amount_received, captured.metadata["capture"]) == ("succeeded", 1500, "C-1")
assert pay(amount=500, currency="jpy").amount_received == 500
error = refused(lambda: intents.create({"amount": 29, "currency": "gbp"}), stripe.InvalidRequestError)
assert error.code == "amount_too_small"
error = refused(lambda: intents.capture(held.id, {}), stripe.InvalidRequestError)
assert error.code == "payment_intent_unexpected_state"
error = refused(lambda: intents.retrieve("pi_none"), stripe.InvalidRequestError)
assert (error.http_status, error.code) == (404, "resource_missing")
error = refused(lambda: pay(payment_method="pm_card_visa_chargeDeclined"), stripe.CardError)
assert (error.code, error.error.decline_code) == ("card_declined", "generic_decline")
refused(lambda: stripe.StripeClient("sk_test_x", base_addresses={"api": TWIN}).v1.refunds.list(), stripe.AuthenticationError)

# 36: the first answer is kept, also a server error; other parameters are refused.
payment = pay()
ask = {"payment_intent": payment.id, "amount": 300, "metadata": {"rma": "R1"}, "reason": "requested_by_customer"}
first = refunds.create(ask, {"idempotency_key": "k1"})
again = refunds.create(ask, {"idempotency_key": "k1"})
assert first.id == again.id and again.last_response.headers["idempotent-replayed"] == "true"
refused(lambda: refunds.create({**ask, "amount": 301}, {"idempotency_key": "k1"}), stripe.IdempotencyError)
operate("stripe/plan", {"internal_errors": 1, "executed": True})
refused(lambda: refunds.create(ask, {"idempotency_key": "k2"}), stripe.APIError)
assert len(refunds.list({"payment_intent": payment.id}).data) == 2

# 37: a key in use is tried again by the client until it is done.
operate("stripe/plan", {"in_use": 1})
assert refunds.create(ask, {"idempotency_key": "k3"}).status == "succeeded"

# 40: equal amounts under two keys are two refunds; no more goes back than came.
refunds.create({**ask, "amount": 1100}, {"idempotency_key": "k4"})
error = refused(lambda: refunds.create(ask, {"idempotency_key": "k5"}), stripe.InvalidRequestError)
assert error.code == "charge_already_refunded"
assert sum(refund.amount for refund in refunds.list({"payment_intent": payment.id, "limit": 2}).auto_paging_iter()) == 2000

# 41: a dispute stands in the way until it is won.
disputed = pay()
dispute = operate("stripe/dispute", {"payment_intent": disputed.id})
error = refused(lambda: refunds.create({"payment_intent": disputed.id}), stripe.InvalidRequestError)
assert error.code == "charge_disputed"
assert client.v1.disputes.list({"payment_intent": disputed.id}).data[0].id == dispute["id"]
operate("stripe/dispute/move", {"dispute": dispute["id"], "status": "won"})
assert refunds.create({"payment_intent": disputed.id}).status == "succeeded"

# Webhooks are believed by the client, and only under the secret; 39: four events a refund.
server = http.server.HTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
operate("stripe/webhooks", {"url": f"http://127.0.0.1:{server.server_port}/hooks", "previous_secret": "whsec_former"})
refunds.create({"payment_intent": pay().id})
told = []
while len(told) < 7:
    body, signature = Endpoint.got.get(timeout=20)
    for secret in (SECRET, "whsec_former"):
        event = stripe.Webhook.construct_event(body, signature, secret, tolerance=None)
    refused(lambda: stripe.Webhook.construct_event(body, signature, "whsec_other"), stripe.SignatureVerificationError)
    told.append(event.type)
assert {"refund.created", "charge.refunded", "charge.refund.updated", "refund.updated"} <= set(told), told

# 38: a refund turns out to have failed, days later.
late = refunds.create({"payment_intent": pay(payment_method="pm_card_refundFail").id})
assert late.status == "succeeded"
# An authorization ends at the end of its time, and a search finds what has settled.
held = pay(capture_method="manual", metadata={"order_id": "2002"})
operate("clock", {"advance": "192h"})
late = refunds.retrieve(late.id)
assert (late.status, late.failure_reason) == ("failed", "expired_or_canceled_card")
ended = intents.retrieve(held.id)
assert (ended.status, ended.cancellation_reason) == ("canceled", "automatic")
# The search lags behind what has just changed.
operate("clock", {"advance": "1m"})
found = intents.search({"query": 'metadata["order_id"]:"2002"'})
assert [one.id for one in found.data] == [held.id]
kinds = {event.type for event in client.v1.events.list({"limit": 100}).auto_paging_iter()}
assert {"refund.failed", "charge.expired", "payment_intent.canceled", "charge.dispute.closed"} <= kinds

print(f"stripe {stripe.VERSION}: the twin answers as its client expects")
