-- How large a picture may be is the shop's to say, within what nginx and a server's memory have room for.
ALTER TABLE pictures DROP CONSTRAINT pictures_content_check,
	ADD CONSTRAINT pictures_content_check CHECK (octet_length(content) BETWEEN 1 AND 6000000) NOT VALID;
