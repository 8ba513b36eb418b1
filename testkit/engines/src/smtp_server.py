"""A mail server that keeps what it is given, each mail in a file of its own, whole and with its envelope before it.

Speaks ESMTP as the settings say: SMTPUTF8, STARTTLS or TLS from the first byte, AUTH PLAIN and LOGIN. One JSON argument.
"""

import asyncio
import json
import os
import ssl
import sys
import uuid

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

SETTINGS = json.loads(sys.argv[1])


class Keep:
    """Writes each mail before it is acknowledged."""

    async def handle_DATA(self, server, session, envelope):
        options = " ".join(str(option) for option in envelope.mail_options)
        protected = "yes" if session.ssl or SETTINGS["implicit"] else "no"
        head = (
            f"X-MailFrom: {envelope.mail_from}\r\nX-RcptTo: {', '.join(envelope.rcpt_tos)}\r\n"
            f"X-MailOptions: {options}\r\nX-Hello: {session.host_name}\r\nX-Protected: {protected}\r\n"
        )
        name = uuid.uuid4().hex
        unfinished = os.path.join(SETTINGS["mail"], "tmp", name)
        with open(unfinished, "wb") as file:
            file.write(head.encode() + envelope.original_content)
        os.rename(unfinished, os.path.join(SETTINGS["mail"], "new", name))
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    name, password = (text.encode() for text in SETTINGS["login"])
    right = isinstance(data, LoginPassword) and data.login == name and data.password == password
    return AuthResult(success=right, handled=right)


def main():
    for folder in ("new", "tmp"):
        os.makedirs(os.path.join(SETTINGS["mail"], folder), exist_ok=True)
    context = None
    if SETTINGS["certificate"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(SETTINGS["certificate"], SETTINGS["key"])
    starttls = context is not None and not SETTINGS["implicit"]
    options = {"enable_SMTPUTF8": SETTINGS["smtputf8"], "loop": asyncio.new_event_loop()}
    if starttls:
        options.update(tls_context=context, require_starttls=True)
    if SETTINGS["login"]:
        options.update(authenticator=authenticate, auth_required=True, auth_require_tls=starttls)
    loop = options["loop"]
    asyncio.set_event_loop(loop)
    inner = context if SETTINGS["implicit"] else None
    serving = loop.create_server(lambda: SMTP(Keep(), **options), "127.0.0.1", SETTINGS["port"], ssl=inner)
    loop.run_until_complete(serving)
    loop.run_forever()


main()
