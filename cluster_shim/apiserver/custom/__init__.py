"""The life of definitions: names are accepted, resources come and go with them, and their objects go before they do."""
