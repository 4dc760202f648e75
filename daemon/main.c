/* tandemd: a table of contents of the program's life. */
int main(void)
{
	return 0;
}
